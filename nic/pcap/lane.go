package pcap

import (
	"encoding/binary"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/ring"
)

// A record in a lane is a header and the bytes kept of a frame. The header:
// timestamp 8, frame length 4, kept length 4, flags 2, L2Len 1, L3Len 1.
const headerLen = 20

type record struct {
	timestamp    int64
	length, kept int
	flags        nic.Flags
	l2, l3       uint8
}

func (r *record) put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(r.timestamp))
	binary.LittleEndian.PutUint32(b[8:], uint32(r.length))
	binary.LittleEndian.PutUint32(b[12:], uint32(r.kept))
	binary.LittleEndian.PutUint16(b[16:], uint16(r.flags))
	b[18], b[19] = r.l2, r.l3
}

func parse(b []byte) record {
	return record{
		timestamp: int64(binary.LittleEndian.Uint64(b)),
		length:    int(binary.LittleEndian.Uint32(b[8:])),
		kept:      int(binary.LittleEndian.Uint32(b[12:])),
		flags:     nic.Flags(binary.LittleEndian.Uint16(b[16:])),
		l2:        b[18],
		l3:        b[19],
	}
}

// lane is the way of one queue in one direction to the writer. Its burst is
// staged, then committed by one push, so the writer only sees whole records.
type lane struct {
	snap   int
	staged []byte
	ends   [nic.MaxBurst]int // in staged, of each packet's record
	ring   *ring.SPSC[byte]
	_      [128]byte
}

func makeLanes(queues int, opts Options) []lane {
	lanes := make([]lane, queues)
	burst := nic.MaxBurst * (headerLen + opts.SnapLen)
	for i := range lanes {
		lanes[i].snap = opts.SnapLen
		lanes[i].staged = make([]byte, burst)
		lanes[i].ring = ring.NewSPSC[byte](max(opts.BufferBytes, 2*burst))
	}
	return lanes
}

// stage writes the records of a burst.
func (l *lane) stage(pkts []*nic.Packet, now int64) {
	at := 0
	for i, pkt := range pkts {
		d := pkt.Data()
		r := record{
			timestamp: now, length: len(d), kept: min(len(d), l.snap),
			flags: pkt.Flags, l2: pkt.L2Len, l3: pkt.L3Len,
		}
		r.put(l.staged[at:])
		at += headerLen
		at += copy(l.staged[at:], d[:r.kept])
		l.ends[i] = at
	}
}

// commit passes the first n staged records on and returns how many did not
// fit.
func (l *lane) commit(n int) (dropped int) {
	free := l.ring.Cap() - l.ring.Len()
	fit := n
	for fit > 0 && l.ends[fit-1] > free {
		fit--
	}
	if fit > 0 {
		l.ring.Push(l.staged[:l.ends[fit-1]])
	}
	return n - fit
}
