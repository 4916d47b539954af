package nictest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

func testInfo(t *testing.T, p *pair) {
	for _, port := range []nic.Port{p.a, p.b} {
		info := port.Info()
		require.NotEmpty(t, info.Name)
		require.NotEmpty(t, info.Driver)
		require.GreaterOrEqual(t, info.MTU, 68)
		require.Positive(t, info.RxQueues)
		require.Positive(t, info.TxQueues)
		require.Zero(t, info.MAC[0]&1, "a port's address is not a group's")
		require.GreaterOrEqual(t, info.Socket, -1)
		require.Equal(t, info, port.Info(), "Info does not change")
	}
	require.NotEqual(t, p.a.Info().Name, p.b.Info().Name)
}

func testEmptyBursts(t *testing.T, p *pair) {
	for _, port := range []nic.Port{p.a, p.b} {
		for queue := range port.Info().RxQueues {
			require.Zero(t, port.RxBurst(queue, nil))
		}
		for queue := range port.Info().TxQueues {
			require.Zero(t, port.TxBurst(queue, nil))
		}
		require.Zero(t, port.Alloc(nil))
		port.Free(nil)
		require.Empty(t, poll(port), "frames that nobody sent")
	}
}

// testDelivery sends bursts of 1 to MaxBurst frames both ways, of sizes from
// the smallest to the largest.
func testDelivery(t *testing.T, p *pair) {
	largest := p.a.Info().MTU + etherLen
	number := uint32(0)
	for _, direction := range [][2]nic.Port{{p.a, p.b}, {p.b, p.a}} {
		from, to := direction[0], direction[1]
		for burst := 1; burst <= nic.MaxBurst; burst++ {
			sizes := make([]int, burst)
			for i := range sizes {
				sizes[i] = minFrame + (burst*131+i*389)%(largest-minFrame+1)
			}
			sizes[burst/2] = []int{minFrame, minFrame + 1, largest - 1, largest}[burst%4]
			transmit(t, from, build(t, from, to, number, sizes...))
			found := receive(t, to, burst)
			for i, pkt := range found {
				check(t, pkt.Data(), from, to, number+uint32(i), sizes[i])
			}
			nic.Free(found)
			number += uint32(burst)
		}
	}
}

// testHeadroom builds frames back to front, up to the whole headroom.
func testHeadroom(t *testing.T, p *pair) {
	const payload = 200
	headers := []int{etherLen, 54, nic.DefaultHeadroom}
	pkts := alloc(t, p.a, len(headers))
	for i, header := range headers {
		require.NotNil(t, pkts[i].Append(payload))
		require.NotNil(t, pkts[i].Prepend(header))
		write(pkts[i].Data(), p.a, p.b, uint32(i))
	}
	transmit(t, p.a, pkts)
	found := receive(t, p.b, len(headers))
	for i, header := range headers {
		check(t, found[i].Data(), p.a, p.b, uint32(i), header+payload)
	}
	nic.Free(found)
}

// testForward sends received packets back, cut and lengthened.
func testForward(t *testing.T, p *pair) {
	transmit(t, p.a, build(t, p.a, p.b, 0, 300, 400))
	found := receive(t, p.b, 2)
	found[0].TrimFront(50)
	found[1].Truncate(100)
	write(found[0].Data(), p.b, p.a, 7)
	write(found[1].Data(), p.b, p.a, 8)
	transmit(t, p.b, found)
	back := receive(t, p.a, 2)
	check(t, back[0].Data(), p.b, p.a, 7, 250)
	check(t, back[1].Data(), p.b, p.a, 8, 100)
	nic.Free(back)
}

// testOversize wants a frame above the MTU dropped and counted, and the ones
// around it delivered. It is longer than any tag or slack may explain.
func testOversize(t *testing.T, p *pair) {
	size := p.a.Info().MTU + etherLen + 64
	pkts := alloc(t, p.a, 3)
	if pkts[1].Tailroom() < size {
		nic.Free(pkts)
		t.Skipf("packets have no room for a frame of %d bytes", size)
	}
	for i, n := range []int{100, size, 100} {
		write(pkts[i].Append(n), p.a, p.b, uint32(i))
	}
	before := dropped(p)
	transmit(t, p.a, pkts)
	found := receive(t, p.b, 2)
	check(t, found[0].Data(), p.a, p.b, 0, 100)
	check(t, found[1].Data(), p.a, p.b, 2, 100)
	nic.Free(found)
	if !p.has(UncountedOversize) {
		require.True(t, Poll(timeout, func() bool { return dropped(p) > before }), "no counter grew")
	}
}

// dropped is what was dropped on the way from a to b, as both ends count it.
func dropped(p *pair) uint64 {
	a, b := p.a.Stats(), p.b.Stats()
	return a.TxErrors + b.RxErrors + b.RxMissed + b.RxNoBuffer
}

func testStats(t *testing.T, p *pair) {
	a, b := p.a.Stats(), p.b.Stats()
	const count, size = 20, 333
	for i := range uint32(count) {
		transmit(t, p.a, build(t, p.a, p.b, i, size))
	}
	nic.Free(receive(t, p.b, count))
	var a2, b2 nic.Stats
	require.True(t, Poll(timeout, func() bool { // some devices count late
		a2, b2 = p.a.Stats(), p.b.Stats()
		return a2.TxPackets >= a.TxPackets+count && b2.RxPackets >= b.RxPackets+count
	}), "sender %+v → %+v, receiver %+v → %+v", a, a2, b, b2)
	// A kernel may add frames of its own, never take any away.
	require.GreaterOrEqual(t, a2.TxBytes, a.TxBytes+count*size)
	require.GreaterOrEqual(t, b2.RxBytes, b.RxBytes+count*size)
	require.Less(t, a2.TxBytes, a.TxBytes+2*count*size)
	require.Equal(t, a.TxErrors, a2.TxErrors)
	for _, x := range p.a.XStats() {
		require.NotEmpty(t, x.Name)
	}
}

// testFullWire sends without receiving until something gives: the port takes
// fewer, drops are counted, or the pool is empty. What was neither counted nor
// refused arrives, and the wire works as before.
func testFullWire(t *testing.T, p *pair) {
	const burst, limit = 32, 1 << 17
	before := dropped(p)
	var pkts [burst]*nic.Packet
	sent, refused := 0, false
	for sent < limit && !refused && dropped(p) == before {
		n := p.a.Alloc(pkts[:])
		if n == 0 {
			break
		}
		for i, pkt := range pkts[:n] {
			write(pkt.Append(minFrame), p.a, p.b, uint32(sent+i))
		}
		taken := p.a.TxBurst(0, pkts[:n])
		require.LessOrEqual(t, taken, n)
		nic.Free(pkts[taken:n])
		sent += taken
		refused = taken < n
	}
	arrived := drain(p.b)
	if !p.has(UncountedLoss) {
		require.True(t, Poll(timeout, func() bool {
			found := poll(p.b) // a busy machine may be late with some
			nic.Free(found)
			arrived += len(found)
			return uint64(arrived)+dropped(p)-before >= uint64(sent)
		}), "of %d frames %d came and %d were counted as lost", sent, arrived, dropped(p)-before)
	}
	require.LessOrEqual(t, arrived, sent)
	transmit(t, p.a, build(t, p.a, p.b, 1, 100, 200))
	var sizes []int // without those that are late
	require.True(t, Poll(timeout, func() bool {
		for _, pkt := range poll(p.b) {
			if pkt.Len() > minFrame {
				sizes = append(sizes, pkt.Len())
			}
			nic.Free([]*nic.Packet{pkt})
		}
		return len(sizes) >= 2
	}))
	require.Equal(t, []int{100, 200}, sizes)
}

// testBadQueue: a queue that does not exist is the caller's bug. A port moves
// nothing: it returns 0, or panics with words of its own.
func testBadQueue(t *testing.T, p *pair) {
	pkts := build(t, p.a, p.b, 0, minFrame)
	for _, queue := range []int{-1, p.a.Info().TxQueues, 1 << 20} {
		noWork(t, func() int { return p.a.TxBurst(queue, pkts) })
	}
	for _, queue := range []int{-1, p.a.Info().RxQueues, 1 << 20} {
		noWork(t, func() int { return p.a.RxBurst(queue, make([]*nic.Packet, 4)) })
	}
	nic.Free(pkts)
}

func noWork(t *testing.T, f func() int) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r != nil {
			require.IsType(t, "", r, "a clear panic says what is wrong: %v", r)
		}
	}()
	require.Zero(t, f())
}
