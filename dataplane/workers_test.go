package dataplane

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Several workers, with a queue each or sharing one: packets reach their owner
// from wherever they come in.
func TestWorkersHandStraysOver(t *testing.T) {
	for _, queues := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("queues=%d", queues), func(t *testing.T) {
			l := newLab(t, labOptions{cables: 2, mem: mem.Options{Queues: queues},
				tune: func(_ int, c *Config) {
					c.CPUs = []int{-1, -1}
					c.Timers = sctpcore.TelecomTimers()
				}})
			ln, err := l.b.Listen(&Addr{Port: 7}, nil)
			require.NoError(t, err)
			var wg sync.WaitGroup
			owners := make(map[*worker]int)
			for range 6 {
				c, err := l.a.Dial(context.Background(), nil, &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}, nil)
				require.NoError(t, err)
				s, err := ln.AcceptSCTP()
				require.NoError(t, err)
				owners[c.w]++
				wg.Add(1)
				go func() {
					defer wg.Done()
					pump(t, c, s, 200, 3000)
					pump(t, s, c, 200, 3000)
					_ = c.Close()
				}()
			}
			within(t, "pumps", wg.Wait)
			require.Len(t, owners, 2)
			require.Zero(t, dropCount(t, l.a, "sctp_bad_tag"))
			require.Zero(t, dropCount(t, l.b, "sctp_bad_tag"))
			within(t, "endings", func() {
				for l.a.Stats().Associations > 0 || l.b.Stats().Associations > 0 {
					continue
				}
			})
			for _, d := range []*Dataplane{l.a, l.b} {
				for i := range d.steer.dir.shards {
					require.Empty(t, d.steer.dir.shards[i].owners, "the directory forgets")
				}
			}
		})
	}
}

func TestAbortFromAStrangerReachesTheOwner(t *testing.T) {
	// With the T bit the tag is the peer's own and says nothing of the owner.
	l := newLab(t, labOptions{mem: mem.Options{Queues: 2}, tune: func(side int, c *Config) {
		c.CPUs = []int{-1, -1}
		c.Timers = sctpcore.TelecomTimers()
	}})
	ln, err := l.b.Listen(&Addr{Port: 7}, nil)
	require.NoError(t, err)
	to := &Addr{IPs: []netip.Addr{addrOf(1, 0, false).Addr()}, Port: 7}
	var conns []*Conn
	for range 4 {
		c, err := l.a.Dial(context.Background(), nil, to, nil)
		require.NoError(t, err)
		_, err = ln.AcceptSCTP()
		require.NoError(t, err)
		conns = append(conns, c)
	}
	// b loses its memory: a's next packets are out of the blue to it.
	for _, w := range l.b.workers {
		require.NoError(t, w.call(func(w *worker) {
			core, err := sctpcore.New(sctpcore.Config{Owner: w.number, OwnerBits: 1, Timers: l.b.cfg.Timers, Limits: l.b.cfg.Limits})
			require.NoError(t, err)
			w.core = core
		}))
	}
	for _, c := range conns {
		_ = c.Send([]byte("who are you?"), nil)
	}
	within(t, "aborts", func() {
		for _, c := range conns {
			<-c.Done()
		}
	})
}

func TestSteering(t *testing.T) {
	s := newSteering(3)
	require.EqualValues(t, 2, s.bits)
	peer := wireAddrs([]netip.Addr{netip.MustParseAddr("192.0.2.1")})[0]
	packet := func(tag uint32, chunk, flags byte) []byte {
		return []byte{0x13, 0x88, 0, 7, byte(tag >> 24), byte(tag >> 16), byte(tag >> 8), byte(tag), 0, 0, 0, 0, chunk, flags, 0, 4}
	}
	require.EqualValues(t, 2, s.owner(peer, packet(0x80000001, 0, 0), 1), "the tag tells")
	require.EqualValues(t, 1, s.owner(peer, packet(0xc0000001, 0, 0), 1), "no such worker: the one that got it counts it")
	require.EqualValues(t, 0, s.owner(peer, packet(0x00000001, 6, 0), 1), "ABORT with our tag")
	require.EqualValues(t, 1, s.owner(peer, packet(5, 0, 0)[:14], 1), "too short")
	k := directoryKey{peer: peer, peerPort: 5000, localPort: 7}
	hashed := uint8(k.hash() % 3)
	tagless := [][]byte{packet(0, 1, 0), packet(0x80000001, 6, 1), packet(0x80000001, 14, 1)}
	for _, p := range tagless {
		require.Equal(t, hashed, s.owner(peer, p, 1))
	}
	other := (hashed + 1) % 3
	require.True(t, s.dir.put(k, other))
	require.False(t, s.dir.put(k, hashed), "the first stays")
	require.True(t, s.dir.put(k, other))
	for _, p := range tagless {
		require.Equal(t, other, s.owner(peer, p, 1))
	}
	require.Equal(t, other, s.quoted(peer, []byte{0, 7, 0x13, 0x88, 0, 0, 0, 0}), "a quoted packet is the other way round")
	s.dir.remove(k)
	require.Equal(t, other, s.owner(peer, tagless[0], 1), "of two associations one is left")
	s.dir.remove(k)
	require.Equal(t, hashed, s.owner(peer, tagless[0], 1))
}

func TestQueuesAreSharedOut(t *testing.T) {
	for _, c := range []struct{ workers, queues int }{{1, 1}, {1, 4}, {2, 1}, {3, 2}, {2, 2}, {2, 5}, {4, 1}} {
		o := labOptions{cables: 3, mem: mem.Options{Queues: c.queues}, tune: func(_ int, cfg *Config) {
			cfg.CPUs = make([]int, c.workers)
			for i := range cfg.CPUs {
				cfg.CPUs[i] = -1
			}
			cfg.Manual = true
		}}
		l := newLab(t, o)
		polled := make(map[string]int)
		sends := make(map[string]map[*worker]bool)
		for _, w := range l.a.workers {
			for _, q := range w.rxq {
				polled[fmt.Sprint(q.port.index, "/", q.queue)]++
			}
			for i := range w.ports {
				p := &w.ports[i]
				by := w
				if p.txVia != nil {
					by = p.txVia
					require.Nil(t, by.ports[i].txVia, "handed on twice")
				}
				k := fmt.Sprint(i, "/", by.ports[i].txQueue)
				if sends[k] == nil {
					sends[k] = make(map[*worker]bool)
				}
				sends[k][by] = true
			}
		}
		require.Len(t, polled, 3*c.queues, "%+v: every queue is polled", c)
		for q, n := range polled {
			require.Equal(t, 1, n, "%+v: queue %s has one worker", c, q)
		}
		for q, by := range sends {
			require.Len(t, by, 1, "%+v: tx queue %s has one worker", c, q)
		}
	}
}
