package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// readyRun is DATA chunks in delivery order, in one block as they came on the wire:
// header, user data, padding, header … A run of more than one chunk is whole
// messages only.
type readyRun struct {
	block block
	n     uint32 // bytes of it
	ends  bool   // its last chunk ends a message
}

// runSize is how many bytes of chunks share a block: what one packet of 1500 bytes
// brings, so that a block is not kept for long by what was not read of it.
const runSize = 1536

// takeRun takes in the messages at the start of b, of one chunk each, that are what
// is expected next: in sequence of TSN and of their streams, with nothing in the way.
// They are copied and queued as one. It returns what is left of b, for which
// there is handleData.
func (a *assoc) takeRun(b []byte) (rest []byte) {
	in, store := &a.in, &a.e.store
	if len(b) <= wire.DataHeaderLen || len(in.runs) > 0 || in.waiting > 0 || in.partial.active {
		return b
	}
	run := b[:min(len(b), max(runSize, wire.Pad4(wire.Data(b).Len())))]
	class := blockClass(len(run))
	if in.held+blockSizes[class] > in.limit || !store.has(class) {
		return b
	}
	n, at, size, flags := 0, 0, 0, uint8(0)
	for at+wire.DataHeaderLen < len(run) {
		d := wire.Data(run[at:])
		end := at + d.Len()
		if !d.WholeOrdered() || end <= at+wire.DataHeaderLen || end > len(run) ||
			d.TSN() != in.cum+1 || int(d.StreamID()) >= len(in.streams) {
			break
		}
		s := &in.streams[d.StreamID()]
		if d.SSN() != s.next {
			break
		}
		s.next++
		in.cum++
		flags |= d.Flags()
		size += d.Len() - wire.DataHeaderLen
		at = min(wire.Pad4(end), len(run))
		n++
	}
	if n == 0 {
		return b
	}
	if small := blockClass(at); store.has(small) {
		class = small
	}
	r := in.ready.add()
	r.block, r.n, r.ends = store.put(class, run[:at]), uint32(at), true
	in.held += blockSizes[class]
	in.promised = max(0, in.promised-size)
	in.base = in.cum + 1
	in.sackNow = in.sackNow || flags&wire.FlagI != 0
	a.tellOnce(toldReadable, EventReadable)
	a.stats.RxMessages += uint64(n)
	a.stats.RxDataChunks += uint64(n)
	a.e.ctr.InMessages += uint64(n)
	a.e.ctr.InOrderChunks += uint64(n)
	return b[at:]
}

// chunkAt is the chunk that begins at byte pos of a run.
func (s *store) chunkAt(r *readyRun, pos int) wire.Data {
	b := s.data(r.block, int(r.n))[pos:]
	return wire.Data(b[:wire.Data(b).Len()])
}

// Pending is the size in bytes of the next message that Receive will give, as
// far as it has arrived; ok is false if there is none.
func (e *Endpoint) Pending(id AssocID) (size int, ok bool) {
	a := e.assoc(id)
	if a == nil || a.in.ready.len() == 0 {
		return 0, a != nil && a.in.cutShort
	}
	in := &a.in
	if in.cutShort {
		return 0, true
	}
	pos := in.readPos
	for i := range uint64(in.ready.len()) {
		d := e.store.chunkAt(in.ready.at(i), pos)
		size += len(d.UserData())
		if d.Ending() {
			break
		}
		pos = 0
	}
	return size - in.readOff, true
}

// Receive copies the next message, or as much of it as dst holds, into dst
// (RECEIVE). ok is false if there is none.
func (e *Endpoint) Receive(now Time, id AssocID, dst []byte) (n int, info Received, ok bool) {
	a := e.assoc(id)
	if a == nil || a.in.ready.len() == 0 && !a.in.cutShort {
		return 0, info, false
	}
	e.begin(now)
	in := &a.in
	if in.cutShort {
		in.cutShort = false
		return 0, Received{Aborted: true}, true
	}
	r := in.ready.at(0)
	d := e.store.chunkAt(r, in.readPos)
	info = Received{PPID: d.PPID(), TSN: uint32(d.TSN()), CumTSN: uint32(in.cum), Stream: d.StreamID(), SSN: uint16(d.SSN()),
		Unordered: d.Unordered(), More: true}
	for {
		data := d.UserData()[in.readOff:]
		k := copy(dst[n:], data)
		n += k
		if k < len(data) {
			in.readOff += k
			return n, info, true
		}
		if info.More = !d.Ending(); !info.More {
			in.read++
		}
		in.readOff = 0
		in.readPos += wire.Pad4(len(d))
		if in.readPos >= int(r.n) {
			a.runRead()
		}
		if !info.More || n == len(dst) || in.ready.len() == 0 {
			return n, info, true
		}
		r = in.ready.at(0)
		d = e.store.chunkAt(r, in.readPos)
	}
}

// runRead gives back the first run when all of it was read.
func (a *assoc) runRead() {
	in := &a.in
	r, _ := in.ready.pop()
	in.readPos = 0
	in.held -= blockSizes[r.block.class]
	a.e.store.release(r.block)
	a.windowOpened()
}

// dropReady gives back what the application has not read.
func (in *inbound) dropReady(a *assoc) {
	for in.ready.len() > 0 {
		r, _ := in.ready.pop()
		in.held -= blockSizes[r.block.class]
		a.e.store.release(r.block)
	}
	in.ready.clear()
	in.readPos, in.readOff = 0, 0
}
