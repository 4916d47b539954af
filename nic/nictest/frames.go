package nictest

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// EtherType marks the suite's frames: IEEE 802's local experimental EtherType.
const EtherType = 0x88b5

const (
	etherLen = 14
	minFrame = 60 // without FCS
	// quietTime is how long nothing may arrive for a wire to count as empty.
	quietTime = 50 * time.Millisecond
	// maxPool bounds what the suite allocates to empty a pool.
	maxPool = 1 << 20
)

// write fills a frame that goes from one port to the other: Ethernet header,
// number, and a pattern that depends on the number.
func write(frame []byte, from, to nic.Port, number uint32) {
	destination, source := to.Info().MAC, from.Info().MAC
	copy(frame, destination[:])
	copy(frame[6:], source[:])
	binary.BigEndian.PutUint16(frame[12:], EtherType)
	pattern(frame[etherLen:], number)
}

func pattern(payload []byte, number uint32) {
	binary.BigEndian.PutUint32(payload, number)
	for i := 4; i < len(payload); i++ {
		payload[i] = byte(uint32(i)*7 + number*13)
	}
}

// check holds a received frame to what write wrote.
func check(t *testing.T, frame []byte, from, to nic.Port, number uint32, size int) {
	t.Helper()
	want := make([]byte, size)
	write(want, from, to, number)
	require.Equal(t, want, frame, "frame %d of %d bytes", number, size)
}

func ours(p *nic.Packet) bool {
	d := p.Data()
	return len(d) >= etherLen+4 && binary.BigEndian.Uint16(d[12:]) == EtherType
}

// alloc gets exactly n packets, waiting for those still on their way home.
func alloc(t *testing.T, p nic.Port, n int) []*nic.Packet {
	t.Helper()
	pkts, got := make([]*nic.Packet, n), 0
	require.True(t, Poll(timeout, func() bool {
		got += p.Alloc(pkts[got:])
		return got == n
	}), "Alloc gave %d of %d packets", got, n)
	return pkts
}

// build makes frames of the given sizes, numbered from first on.
func build(t *testing.T, from, to nic.Port, first uint32, sizes ...int) []*nic.Packet {
	t.Helper()
	pkts := alloc(t, from, len(sizes))
	for i, size := range sizes {
		frame := pkts[i].Append(size)
		require.NotNil(t, frame, "no room for %d bytes", size)
		write(frame, from, to, first+uint32(i))
	}
	return pkts
}

// transmit sends all packets on queue 0, again and again what did not fit.
func transmit(t *testing.T, p nic.Port, pkts []*nic.Packet) {
	t.Helper()
	require.True(t, Poll(timeout, func() bool {
		n := p.TxBurst(0, pkts[:min(len(pkts), nic.MaxBurst)])
		require.LessOrEqual(t, n, len(pkts))
		pkts = pkts[n:]
		return len(pkts) == 0
	}), "%d packets were not taken", len(pkts))
}

// poll takes one burst from each queue of p and returns the suite's frames.
func poll(p nic.Port) (found []*nic.Packet) {
	var pkts [nic.MaxBurst]*nic.Packet
	for queue := range p.Info().RxQueues {
		for _, pkt := range pkts[:p.RxBurst(queue, pkts[:])] {
			if ours(pkt) {
				found = append(found, pkt)
			} else {
				nic.Free([]*nic.Packet{pkt})
			}
		}
	}
	return found
}

// receive waits for n of the suite's frames.
func receive(t *testing.T, p nic.Port, n int) (found []*nic.Packet) {
	t.Helper()
	Poll(timeout, func() bool {
		found = append(found, poll(p)...)
		return len(found) >= n
	})
	require.Len(t, found, n, "frames at %s", p.Info().Name)
	return found
}

// drain frees what arrives until nothing does for quietTime, and returns how
// many of the suite's frames came.
func drain(p nic.Port) (count int) {
	last := time.Now()
	Poll(timeout, func() bool {
		found := poll(p)
		nic.Free(found)
		count += len(found)
		if len(found) > 0 {
			last = time.Now()
		}
		return time.Since(last) > quietTime
	})
	return count
}

// everything empties the pool of p.
func everything(p nic.Port) (all []*nic.Packet) {
	var pkts [nic.MaxBurst]*nic.Packet
	for len(all) < maxPool {
		n := p.Alloc(pkts[:])
		if n == 0 {
			break
		}
		all = append(all, pkts[:n]...)
	}
	return all
}

func available(p nic.Port) int {
	all := everything(p)
	free(all)
	return len(all)
}

// free frees any number of packets in bursts.
func free(pkts []*nic.Packet) {
	for len(pkts) > 0 {
		n := min(len(pkts), nic.MaxBurst)
		nic.Free(pkts[:n])
		pkts = pkts[n:]
	}
}
