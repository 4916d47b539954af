package sctpcore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// loop is two endpoints in memory with no time between them: each packet that one
// makes is handed to the other in the same burst.
type loop struct {
	e   [2]*Endpoint
	id  [2]AssocID
	now Time
	out [2][32]Outbound
	in  [32]Inbound
	ev  [32]Event
	buf []byte
	got int
}

func newLoop(t testing.TB) *loop { return newLoopWith(t, nil) }

func newLoopWith(t testing.TB, x *Extensions) *loop {
	l := &loop{buf: make([]byte, 1<<20), now: Second}
	for side := range 2 {
		c := Config{Timers: TelecomTimers(), Limits: DefaultLimits()}
		c.Seed[0] = byte(side)
		e, err := New(c)
		require.NoError(t, err)
		l.e[side] = e
		for i := range l.out[side] {
			l.out[side][i].Buf = make([]byte, 1500)
		}
	}
	require.NoError(t, l.e[1].Listen(portZ, &ListenParams{Locals: addrsOf(2, 1), Extensions: x}))
	id, err := l.e[0].Associate(l.now, &AssociateParams{LocalPort: portA, PeerPort: portZ,
		Locals: addrsOf(1, 1), Peers: addrsOf(2, 1), Extensions: x})
	require.NoError(t, err)
	l.id[0] = id
	for range 20 {
		l.exchange()
	}
	require.NotZero(t, l.id[1])
	return l
}

// exchange moves one burst each way; it tells whether anything moved.
func (l *loop) exchange() bool {
	moved := false
	l.now += 10 * Microsecond
	for side := range 2 {
		e := l.e[side]
		if e.NextDeadline() <= l.now {
			e.HandleTimeout(l.now)
		}
		for n := e.PollEvents(l.ev[:]); n > 0; n = e.PollEvents(l.ev[:]) {
			for _, v := range l.ev[:n] {
				switch v.Kind {
				case EventUp:
					l.id[side] = v.Assoc
				case EventReadable:
					for {
						n, _, ok := e.Receive(l.now, v.Assoc, l.buf)
						if !ok {
							break
						}
						l.got += n
					}
				}
			}
		}
		n := e.PollTransmit(l.now, l.out[side][:])
		for i := range n {
			o := &l.out[side][i]
			src := o.Src
			if src.IsZero() {
				src = addrOf(byte(1+side), 0)
			}
			l.in[i] = Inbound{Src: src, Dst: o.Dst, Data: o.Buf[:o.N]}
		}
		if n > 0 {
			l.e[1-side].HandlePackets(l.now, l.in[:n])
			moved = true
		}
	}
	return moved
}

// BenchmarkCore is the core at both ends, in memory, checksums not counted (as if
// the port did them); b.N counts messages.
func BenchmarkCore(b *testing.B) {
	for _, size := range []int{64, 256, 1400, 16 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			newLoop(b).send(b, size)
		})
	}
}

// send has b.N messages go from one side to the other.
func (l *loop) send(b *testing.B, size int) {
	data := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	m := Message{Data: data, Stream: 1}
	for i := 0; i < b.N; {
		for i < b.N && l.e[0].Send(l.now, l.id[0], &m) == nil {
			i++
		}
		l.exchange()
	}
	for l.got < b.N*size {
		if !l.exchange() {
			l.now += Millisecond
		}
	}
}

// The hot paths allocate nothing once their rings have grown.
func TestNoAllocation(t *testing.T) {
	for _, size := range []int{64, 1400, 20_000} {
		l := newLoop(t)
		m := Message{Data: make([]byte, size), Stream: 1}
		round := func() {
			for range 40 {
				require.NoError(t, l.e[0].Send(l.now, l.id[0], &m))
			}
			for l.exchange() {
			}
		}
		for range 50 {
			round()
		}
		require.Zero(t, testing.AllocsPerRun(100, round), "size %d", size)
	}
}
