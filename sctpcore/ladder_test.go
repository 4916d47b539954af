package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHandshakeAndShutdown(t *testing.T) {
	p := newPair(t, 1, nil)
	p.connect()
	require.Equal(t, []string{"A→Z INIT", "Z→A INIT ACK", "A→Z COOKIE ECHO", "Z→A COOKIE ACK"}, p.ladder)
	p.ladder = nil
	p.sendMsg(0, 0, message(1, 100), 0)
	p.run(p.now + Second)
	require.Equal(t, [][]byte{message(1, 100)}, p.receive(1))
	require.Equal(t, []string{"A→Z DATA", "Z→A SACK"}, p.ladder)
	p.ladder = nil
	require.NoError(t, p.e[0].Shutdown(p.now, p.id[0]))
	p.run(p.now + Second)
	require.Equal(t, []string{"A→Z SHUTDOWN", "Z→A SHUTDOWN ACK", "A→Z SHUTDOWN COMPLETE"}, p.ladder)
	require.Contains(t, p.kinds(0), EventDown)
	require.Contains(t, p.kinds(1), EventDown)
}

func TestBulkBothWaysWithLoss(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	n := 0
	p.drop = func(from int, f *flying) bool { n++; return n%37 == 0 }
	var want [2][][]byte
	for i := range 400 {
		for side := range 2 {
			m := message(i, 1+(i*977)%20000)
			for p.e[side].Send(p.now, p.id[side], &Message{Data: m, Stream: 0}) == ErrWouldBlock {
				p.run(p.now + 100*Millisecond)
				want[1] = append(want[1], p.receive(0)...)
				want[0] = append(want[0], p.receive(1)...)
			}
			p.kept = append(p.kept, m)
		}
	}
	for range 200 {
		p.run(p.now + Second)
		want[1] = append(want[1], p.receive(0)...)
		want[0] = append(want[0], p.receive(1)...)
	}
	for side := range 2 {
		require.Len(t, want[side], 400)
		for i, m := range want[side] {
			require.Equal(t, message(i, 1+(i*977)%20000), m, "message %d", i)
		}
	}
	t.Logf("took %.1f s of virtual time", float64(p.now)/float64(Second))
}
