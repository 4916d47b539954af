package mem

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// frames allocates packets of the given lengths, numbered in the first byte.
func frames(t testing.TB, p *Port, lengths ...int) []*nic.Packet {
	t.Helper()
	pkts := make([]*nic.Packet, len(lengths))
	require.Equal(t, len(pkts), p.Alloc(pkts))
	for i, n := range lengths {
		clear(pkts[i].Append(n))
		if n > 0 {
			pkts[i].Data()[0] = byte(i)
		}
	}
	return pkts
}

// rx receives one burst from queue 0, frees it, and returns the numbers.
func rx(p *Port) (numbers []byte) {
	var pkts [nic.MaxBurst]*nic.Packet
	n := p.RxBurst(0, pkts[:])
	for _, pkt := range pkts[:n] {
		numbers = append(numbers, pkt.Data()[0])
	}
	nic.Free(pkts[:n])
	return numbers
}

// closePair closes both ends and wants all packets at home.
func closePair(t testing.TB, a, b *Port) {
	t.Helper()
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	for _, p := range []*Port{a, b} {
		require.Equal(t, len(p.pool.packets), p.pool.available(), "packets home at %s", p.side.Name)
	}
}

func xstat(p nic.Port, name string) uint64 {
	for _, x := range p.XStats() {
		if x.Name == name {
			return x.Value
		}
	}
	panic("no xstat " + name)
}

func TestPairsDiffer(t *testing.T) {
	a, b := NewPair(Options{})
	c, d := NewPair(Options{A: Side{Name: "left", MAC: [6]byte{2, 0, 0, 0, 0, 1}}})
	names, macs := map[string]bool{}, map[[6]byte]bool{}
	for _, p := range []*Port{a, b, c, d} {
		names[p.Info().Name], macs[p.Info().MAC] = true, true
	}
	require.Len(t, names, 4)
	require.Len(t, macs, 4)
	require.True(t, names["left"])
}

func TestBadOptionsPanic(t *testing.T) {
	for _, o := range []Options{
		{MTU: 67}, {MTU: 65536}, {Queues: -1}, {Buffers: -1}, {Depth: -1}, {Latency: -1}, {BitsPerSecond: -1},
		{A: Side{Name: "x"}, B: Side{Name: "x"}},
	} {
		require.Panics(t, func() { NewPair(o) }, "%+v", o)
	}
}

func TestDoubleFreePanics(t *testing.T) {
	a, b := NewPair(Options{Buffers: 4})
	pkts := frames(t, a, 60)
	nic.Free(pkts)
	require.PanicsWithValue(t, "mem: packet 0 freed twice", func() { nic.Free(pkts) })
	pkts = frames(t, a, 60)
	require.Panics(t, func() { nic.Free([]*nic.Packet{pkts[0], pkts[0]}) })
	pkts = frames(t, a, 60)
	pkts[0].Index = 3
	require.Panics(t, func() { nic.Free(pkts) }, "a packet under a false number")
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

func TestFreeTakesPacketsOfThePeer(t *testing.T) {
	a, b := NewPair(Options{})
	a.Free(append(frames(t, b, 1, 2), frames(t, a, 1)...))
	closePair(t, a, b)
}

func TestBytesAreNotCopied(t *testing.T) {
	a, b := NewPair(Options{})
	sent := frames(t, a, 100)
	require.Equal(t, 1, a.TxBurst(0, sent))
	got := make([]*nic.Packet, 1)
	require.Equal(t, 1, b.RxBurst(0, got))
	require.Same(t, sent[0], got[0])
	nic.Free(got)
	closePair(t, a, b)
}

func TestVirtualTime(t *testing.T) {
	now := int64(1000)
	a, b := NewPair(Options{
		Clock:         func() int64 { return now },
		Latency:       5 * time.Microsecond,
		BitsPerSecond: 1e9, // 8 ns per byte
	})
	_, ok := b.NextArrival()
	require.False(t, ok)
	// 60+24 bytes take 672 ns; a runt is padded on the wire; 1000+24 take 8192.
	require.Equal(t, 3, a.TxBurst(0, frames(t, a, 60, 10, 1000)))
	want := []int64{1000 + 672 + 5000, 1000 + 2*672 + 5000, 1000 + 2*672 + 8192 + 5000}
	for i, arrival := range want {
		at, ok := b.NextArrival()
		require.True(t, ok)
		require.Equal(t, arrival, at)
		now = at - 1
		require.Empty(t, rx(b), "one nanosecond early")
		now = at
		require.Equal(t, []byte{byte(i)}, rx(b))
	}
	now += 1e6 // an idle lane does not save up
	require.Equal(t, 1, a.TxBurst(0, frames(t, a, 60)))
	at, _ := b.NextArrival()
	require.Equal(t, now+672+5000, at)
	_, ok = a.NextArrival()
	require.False(t, ok, "the other direction is idle")
	require.EqualValues(t, 1000, b.Link().SpeedMbps)
	closePair(t, a, b)
}

func TestFullWireDropsAtTheReceiver(t *testing.T) {
	a, b := NewPair(Options{Depth: 4})
	require.Equal(t, 6, a.TxBurst(0, frames(t, a, 60, 60, 60, 60, 60, 60)))
	require.EqualValues(t, 2, b.Stats().RxMissed)
	require.Equal(t, nic.Stats{TxPackets: 6, TxBytes: 360}, a.Stats())
	require.EqualValues(t, 4, xstat(b, "rx_waiting"))
	require.Equal(t, []byte{0, 1, 2, 3}, rx(b))
	require.Equal(t, nic.Stats{RxPackets: 4, RxBytes: 240, RxMissed: 2}, b.Stats())
	closePair(t, a, b)
}

func TestBackpressure(t *testing.T) {
	a, b := NewPair(Options{Depth: 4, Backpressure: true})
	pkts := frames(t, a, 60, 61, 62, 63, 64, 65)
	require.Equal(t, 4, a.TxBurst(0, pkts))
	require.Zero(t, a.TxBurst(0, pkts[4:]))
	require.Equal(t, nic.Stats{TxPackets: 4, TxBytes: 60 + 61 + 62 + 63}, a.Stats())
	require.Len(t, rx(b), 4)
	require.Equal(t, 2, a.TxBurst(0, pkts[4:]))
	require.Zero(t, b.Stats().RxMissed)
	closePair(t, a, b)
}

func TestLinkTakesFramesWithIt(t *testing.T) {
	a, b := NewPair(Options{})
	require.Equal(t, 3, a.TxBurst(0, frames(t, a, 60, 60, 60)))
	require.Len(t, rx(b), 3)
	require.Equal(t, 2, a.TxBurst(0, frames(t, a, 60, 60)))
	require.NoError(t, b.SetLink(false))
	require.Equal(t, nic.Link{Changes: 1}, a.Link(), "the far end sees it")
	require.NoError(t, a.SetLink(false))
	require.NoError(t, b.SetLink(true))
	require.Equal(t, nic.Link{Changes: 1}, b.Link(), "down while one end is down")
	require.Equal(t, 1, a.TxBurst(0, frames(t, a, 60)), "dropped, not refused")
	require.NoError(t, a.SetLink(true))
	require.Equal(t, nic.Link{Up: true, Changes: 2}, a.Link())
	require.Empty(t, rx(b), "what was under way does not come back")
	require.EqualValues(t, 2, xstat(b, "rx_lost_with_link"))
	require.EqualValues(t, 1, a.Stats().TxErrors)
	require.Equal(t, 1, a.TxBurst(0, frames(t, a, 60)))
	require.Len(t, rx(b), 1)
	closePair(t, a, b)
}

func TestCloseIsLinkDownForThePeer(t *testing.T) {
	a, b := NewPair(Options{})
	require.Equal(t, 1, a.TxBurst(0, frames(t, a, 60)))
	require.Equal(t, 1, b.TxBurst(0, frames(t, b, 60)))
	require.NoError(t, a.Close())
	require.False(t, b.Link().Up)
	require.Empty(t, rx(b))
	require.Error(t, a.SetLink(true))
	require.NoError(t, b.SetLink(true))
	require.False(t, b.Link().Up)
	closePair(t, a, b)
}

func TestFrameLengths(t *testing.T) {
	a, b := NewPair(Options{})
	tagged := func(n, tags int) *nic.Packet {
		pkt := frames(t, a, n)[0]
		for i := range tags {
			binary.BigEndian.PutUint16(pkt.Data()[12+4*i:], 0x8100)
		}
		return pkt
	}
	for length, tags := range map[int]int{1: 0, 13: 0, 1514: 0, 1518: 1, 1522: 2} {
		require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{tagged(length, tags)}))
		require.Len(t, rx(b), 1, "%d bytes, %d tags", length, tags)
	}
	require.Zero(t, a.Stats().TxErrors)
	for length, tags := range map[int]int{0: 0, 1515: 0, 1519: 1, 1523: 3} {
		errorsBefore := a.Stats().TxErrors
		require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{tagged(length, min(tags, length))}))
		require.Empty(t, rx(b), "%d bytes, %d tags", length, tags)
		require.Equal(t, errorsBefore+1, a.Stats().TxErrors)
	}
	closePair(t, a, b)
}

func TestSteering(t *testing.T) {
	a, b := NewPair(Options{Queues: 4, Steer: func(frame []byte, queues int) int {
		return int(frame[0])*5 - 7 // any number: reduced modulo queues
	}})
	require.Equal(t, 8, a.TxBurst(2, frames(t, a, 60, 60, 60, 60, 60, 60, 60, 60)))
	var pkts [8]*nic.Packet
	total := 0
	for queue := range 4 {
		n := b.RxBurst(queue, pkts[:])
		for _, pkt := range pkts[:n] {
			require.EqualValues(t, uint(int(pkt.Data()[0])*5-7)%4, queue)
		}
		nic.Free(pkts[:n])
		total += n
	}
	require.Equal(t, 8, total)
	require.PanicsWithValue(t, "mem: "+b.Info().Name+" has no rx queue 4, only 0..3", func() { b.RxBurst(4, pkts[:]) })
	closePair(t, a, b)
}

func TestFlowsSpread(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		var count [4]int
		for port := range uint16(400) {
			frame := make([]byte, 100)
			at := etherLen
			if port%2 == 1 {
				binary.BigEndian.PutUint16(frame[12:], etherTypeVLAN)
				at += tagLen
			}
			ports := at + 20
			if v6 {
				binary.BigEndian.PutUint16(frame[at-2:], etherTypeIPv6)
				ports = at + 40
			} else {
				binary.BigEndian.PutUint16(frame[at-2:], etherTypeIPv4)
				frame[at] = 0x45
			}
			binary.BigEndian.PutUint16(frame[ports:], port)
			q := flowQueue(frame, 4)
			require.Equal(t, q, flowQueue(frame, 4))
			count[q]++
			for cut := range frame { // no length makes it panic
				require.Less(t, flowQueue(frame[:cut], 4), 4)
			}
		}
		for q, n := range count {
			require.Greater(t, n, 50, "queue %d of %v", q, count)
		}
	}
}

func TestNoAllocationsPerBurst(t *testing.T) {
	now := int64(0)
	for name, o := range map[string]Options{
		"plain":   {},
		"clocked": {Clock: func() int64 { now += 1e6; return now }, Latency: 1, BitsPerSecond: 1e9},
		"queues":  {Queues: 2},
	} {
		a, b := NewPair(o)
		var pkts [32]*nic.Packet
		require.Zero(t, testing.AllocsPerRun(100, func() { burst(a, b, pkts[:]) }), name)
		require.EqualValues(t, 101*32, b.Stats().RxPackets, name)
		require.Zero(t, testing.AllocsPerRun(10, func() { // frames lost with the link
			n := a.Alloc(pkts[:])
			for _, p := range pkts[:n] {
				p.Append(60)
			}
			a.TxBurst(0, pkts[:n])
			_ = b.SetLink(false)
			b.RxBurst(0, pkts[:])
			_ = b.SetLink(true)
		}), name)
		closePair(t, a, b)
	}
}

// burst takes one full burst through the cable.
func burst(a, b *Port, pkts []*nic.Packet) {
	n := a.Alloc(pkts)
	for _, p := range pkts[:n] {
		p.Append(60)
	}
	a.TxBurst(0, pkts[:n])
	n = b.RxBurst(0, pkts)
	nic.Free(pkts[:n])
}

// A loop gives back what it sends, to the queue that Steer says, and takes fewer packets
// when that is full.
func TestLoop(t *testing.T) {
	p := NewLoop(Options{Queues: 2, Depth: 4, Buffers: 32, Backpressure: true,
		Steer: func(frame []byte, queues int) int { return int(frame[0]) % queues }})
	require.True(t, p.Link().Up)
	pkts := frames(t, p, 60, 60, 60)
	require.Equal(t, 3, p.TxBurst(0, pkts))
	require.Equal(t, []byte{0, 2}, rx(p))
	var odd [nic.MaxBurst]*nic.Packet
	require.Equal(t, 1, p.RxBurst(1, odd[:]))
	nic.Free(odd[:1])
	var even []*nic.Packet
	for range 6 {
		even = append(even, frames(t, p, 60)...)
	}
	taken := p.TxBurst(1, even)
	require.Less(t, taken, len(even))
	nic.Free(even[taken:])
	require.EqualValues(t, 3+taken, p.Stats().TxPackets)
	require.NoError(t, p.Close())
	require.False(t, p.Link().Up)
	require.Equal(t, len(p.pool.packets), p.pool.available(), "what was under way is home")
}
