package sctpcore

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// putRun appends messages that need not be cut and have no path of their own, a chunk each, while packet, peer's
// window and ring have room. What stops it putNew may yet know how to send.
func (a *assoc) putRun(k *packetBuilder, now Time) {
	o := &a.out
	if o.cutOff != 0 || k.path != int(a.current) {
		return
	}
	first, cut := o.nextTSN, o.cut
	most := a.fragmentSize()
	atEnd, stall := a.flagAtEnd(), o.peerRwnd-most // above so much data is flagAtStall
	if a.paths[k.path].single {
		stall = 0
	}
	b, at, data, unordered := k.out.Buf[:k.room], len(k.b), 0, uint64(0)
	for room := len(o.chunks) - o.outstanding(); cut < o.messages.tail && room > 0; room-- {
		m := o.messages.at(cut - o.messages.head)
		n := len(m.data)
		end := at + wire.DataHeaderLen + wire.Pad4(n)
		if n > most || end > len(b) || data+n > o.peerRwnd || m.apart != 0 {
			break
		}
		flags, ssn := wire.FlagB|wire.FlagE, uint16(0)
		if m.flags&Unordered != 0 {
			flags |= wire.FlagU
			unordered++
		} else {
			ssn = o.nextSSN[m.stream]
			o.nextSSN[m.stream]++
		}
		if m.flags&SackNow != 0 {
			flags |= wire.FlagI
		}
		if cut+1 == o.messages.tail || data+n > stall {
			flags |= atEnd
		}
		wire.PutDataHeader(b[at:], flags, n, o.nextTSN, m.stream, wire.SSN(ssn), m.ppid)
		binary.NativeEndian.PutUint32(b[end-4:], 0) // padding, where there is any
		copy(b[at+wire.DataHeaderLen:], m.data)
		c := o.chunk(o.nextTSN)
		*c = outChunk{}
		c.message, c.n, c.ssn, c.flags, c.path = cut, uint16(n), ssn, flags, uint8(k.path)
		at = end
		data += n
		cut++
		o.nextTSN++
	}
	if at == len(k.b) {
		return
	}
	p, size, chunks := &a.paths[k.path], at-len(k.b), uint64(o.nextTSN-first)
	k.b = b[:at]
	o.cut = cut
	o.peerRwnd -= data
	o.flight += data
	o.marks.putSent(first, o.nextTSN)
	p.sentAt(first, size)
	p.startRTT(first, now)
	p.txDataChunks += chunks
	o.sent += chunks
	a.e.ctr.OutMessages += chunks
	a.e.ctr.OutUnorderChunks += unordered
	if unordered > 0 {
		a.less.TxUnordered += unordered
	}
	a.e.ctr.OutOrderChunks += chunks - unordered
	a.passFailed()
}
