package sctpcore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// What an association leaves behind is as new for the next one, whatever it went
// through: more paths, streams and messages than it has room for, gaps, losses.
func TestSpareAssociationIsEmpty(t *testing.T) {
	for round := range 3 {
		p := newPair(t, 4, func(_ int, c *Config) { c.Limits.OutStreams, c.Limits.InStreams = 200, 200 })
		p.connect()
		n := 0
		p.drop = func(from int, f *flying) bool { n++; return n%3 == 0 }
		for i := range 40 {
			p.sendMsg(0, uint16(i*4), message(i, 3000), 0)
			p.sendMsg(1, uint16(i), message(i, 50), 0)
		}
		p.run(p.now + Time(round)*50*Millisecond)
		for side := range 2 {
			e := p.e[side]
			a := e.assoc(p.id[side])
			require.NoError(t, e.Abort(p.now, p.id[side], nil))
			e.Forget(p.id[side])
			require.Same(t, a, e.spare[len(e.spare)-1])
			require.NoError(t, invariants(e))
			_, ok := e.Assoc(p.id[side])
			require.False(t, ok, "the id leads nowhere")

			next, err := e.Associate(p.now, &AssociateParams{LocalPort: 7, PeerPort: 8, Locals: addrsOf(1, 1), Peers: addrsOf(3, 1)})
			require.NoError(t, err)
			require.Same(t, a, e.assoc(next), "the memory is used again")
			require.NotEqual(t, p.id[side], next)
			require.NoError(t, e.Send(p.now, next, &Message{Data: []byte("first")}))
			require.Zero(t, e.Released(next))
			require.NoError(t, invariants(e))
		}
	}
}

// What a crowd leaves behind serves the next one.
func TestSpareAssociationsAreUsedAgain(t *testing.T) {
	r := newRawPeer(t, nil)
	const n = 5*slabLen - 1
	for range 3 {
		var ids []AssocID
		for i := range n {
			id, err := r.e.Associate(r.now, &AssociateParams{LocalPort: uint16(1 + i), PeerPort: 2, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1)})
			require.NoError(t, err)
			ids = append(ids, id)
		}
		require.Len(t, r.e.spare, 1)
		for _, id := range ids {
			require.NoError(t, r.e.Abort(r.now, id, nil))
			r.e.Forget(id)
		}
		require.Len(t, r.e.spare, n+1)
		require.NoError(t, invariants(r.e))
	}
}

// Associations that ask for the same timers and addresses share them; a caller may
// change what it passed.
func TestAssociationsShareWhatIsEqual(t *testing.T) {
	r := newRawPeer(t, nil)
	begin := func(port uint16, timers *Timers, locals []wire.Addr) *assoc {
		id, err := r.e.Associate(r.now, &AssociateParams{LocalPort: port, PeerPort: 2, Locals: locals, Peers: addrsOf(1, 1), Timers: timers})
		require.NoError(t, err)
		return r.e.assoc(id)
	}
	timers, locals := TelecomTimers(), addrsOf(2, 2)
	one, two := begin(1, &timers, locals), begin(2, &timers, locals)
	require.Same(t, one.params, two.params)
	require.Same(t, &one.locals[0], &two.locals[0])
	timers.RTOMax++
	locals[0] = addrOf(9, 9)
	three := begin(3, &timers, locals)
	require.Equal(t, TelecomTimers(), one.params.Timers)
	require.Equal(t, timers, three.params.Timers)
	require.Equal(t, addrsOf(2, 2), one.locals)
	require.Equal(t, locals, three.locals)
	require.Same(t, r.e.params, begin(4, nil, locals).params)
}

// Setting an association up and shutting it down allocates the cookie that the client
// keeps, and nothing else.
func TestSetupAllocation(t *testing.T) {
	l := newLoop(t)
	p := &AssociateParams{LocalPort: 77, PeerPort: portZ, Locals: addrsOf(1, 2), Peers: addrsOf(2, 1)}
	round := func() {
		id, err := l.e[0].Associate(l.now, p)
		require.NoError(t, err)
		for l.exchange() {
		}
		require.Equal(t, Established, l.e[0].assoc(id).state)
		other := l.id[1]
		require.NoError(t, l.e[0].Shutdown(l.now, id))
		for l.exchange() {
		}
		l.e[0].Forget(id)
		l.e[1].Forget(other)
	}
	for range 1100 { // until slots are used again
		round()
	}
	require.LessOrEqual(t, testing.AllocsPerRun(1000, round), 1.0)
	for side := range 2 {
		require.NoError(t, invariants(l.e[side]))
		require.LessOrEqual(t, len(l.e[side].slots), 1100)
	}
}
