package sctpcore

import "github.com/trunkline-sctp/trunkline/sctpcore/wire"

// windowOpened tells the peer of a window that was small and has become worth
// using (RFC 9260, section 6.2), so that it need not probe.
func (a *assoc) windowOpened() {
	in := &a.in
	if a.state < Established || a.state > ShutdownSent {
		return
	}
	if in.advertised < in.limit/4 && in.rwnd() >= in.limit/2 {
		a.owe(oweSack)
	}
}

// putSack writes the SACK that is owed (RFC 9260, section 3.3.4).
func (a *assoc) putSack(k *packetBuilder) {
	in := &a.in
	// 16 bytes of SACK, 4 for each block and each duplicate.
	most := min((k.left()-16)/4-len(in.dups), maxGapBlocks)
	n := 0
	for _, r := range in.runs {
		if n >= most || uint32(r.last-in.cum) > 0xffff {
			break
		}
		a.e.gaps[n] = wire.GapBlock{Start: uint16(r.first - in.cum), End: uint16(r.last - in.cum)}
		n++
	}
	in.advertised = in.rwnd()
	in.promised = max(in.promised, in.advertised)
	k.b = wire.AppendSack(k.b, in.cum, uint32(in.advertised), a.e.gaps[:n], in.dups)
	in.dups = in.dups[:0]
	in.packets, in.sackNow = 0, false
	a.sackTimer = Never
	a.out.txSacks++
}

// dataReceived decides, after a packet with DATA, when its SACK goes: at once
// for every second packet, for gaps, duplicates and the I bit, else after
// SACKDelay (RFC 9260, section 6.2; RFC 7053, section 5).
func (a *assoc) dataReceived(now Time) {
	in := &a.in
	in.packets++
	if a.params.Autoclose > 0 {
		a.heard = now
	}
	switch {
	case a.state == ShutdownSent:
		// 9.2: "respond to each received packet containing one or more DATA chunks
		// with a SHUTDOWN chunk and restart the T2-shutdown timer".
		a.owe(oweSack | oweShutdown)
	case in.sackNow || in.packets >= in.enough || a.params.SACKDelay == 0:
		a.owe(oweSack)
	case a.sackTimer == Never:
		a.sackTimer = now + a.params.SACKDelay
		a.arm(a.sackTimer)
	}
}

// dropHeld gives back everything that waits for other chunks; it tells whether
// that cuts short a message of which a part was read.
func (a *assoc) dropHeld() (cutShort bool) {
	in := &a.in
	for t := in.base; in.waiting > 0; t++ {
		if in.at(t) != nil {
			b := in.take(t).block
			in.held -= blockSizes[b.class]
			a.e.store.release(b)
		}
	}
	in.records, in.runs, in.dups = nil, nil, nil
	// The rest of a message in partial delivery will not come: what was not read
	// of it goes, or the next message would pass for its continuation.
	cutShort = in.partial.active
	for n := in.ready.len(); in.partial.active && n > 0 && !in.ready.at(uint64(n-1)).ends; n-- {
		r := in.ready.at(uint64(n - 1))
		b := r.block
		if a.e.store.chunkAt(r, 0).Beginning() && (n > 1 || in.readOff == 0) {
			cutShort = false
		}
		in.ready.tail--
		in.held -= blockSizes[b.class]
		a.e.store.release(b)
		if n == 1 {
			in.readPos, in.readOff = 0, 0
		}
	}
	if cutShort {
		a.event(Event{Kind: EventPartialAborted, Stream: in.partial.stream, SSN: in.partial.ssn})
	}
	in.partial = partialDelivery{}
	return cutShort
}
