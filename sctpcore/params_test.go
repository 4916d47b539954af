package sctpcore

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// with changes an association's parameters.
func (r *rawPeer) with(change func(*Params)) {
	r.t.Helper()
	p, ok := r.e.Params(r.id)
	require.True(r.t, ok)
	change(&p)
	require.NoError(r.t, r.e.SetParams(r.now, r.id, &p))
	got, _ := r.e.Params(r.id)
	require.Equal(r.t, p, got)
}

// path changes the parameters of its only path.
func (r *rawPeer) path(change func(*PathParams)) {
	r.t.Helper()
	p, ok := r.e.PathParams(r.id, 0)
	require.True(r.t, ok)
	change(&p)
	require.NoError(r.t, r.e.SetPathParams(r.now, r.id, 0, &p))
	got, _ := r.e.PathParams(r.id, 0)
	require.Equal(r.t, p, got)
}

// chunks is how many chunks a packet has.
func (a answer) chunks() (n int) {
	for rest := a.Chunks(); len(rest) > 0; n++ {
		_, rest, _ = wire.NextChunk(rest)
	}
	return n
}

func (r *rawPeer) send(n int) []answer {
	r.t.Helper()
	require.NoError(r.t, r.e.Send(r.now, r.id, &Message{Data: make([]byte, n)}))
	return r.poll()
}

func TestParamsOutOfRange(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	for name, spoil := range map[string]func(*Params){
		"RTO":       func(p *Params) { p.RTOMin = p.RTOMax + 1 },
		"SACK":      func(p *Params) { p.SACKDelay = MaxSACKDelay + 1 },
		"frequency": func(p *Params) { p.SACKFrequency = -1 },
		"segment":   func(p *Params) { p.MaxSegment = 15 },
		"autoclose": func(p *Params) { p.Autoclose = -1 },
		"init":      func(p *Params) { p.MaxInitTimeout = -1 },
		"MTU":       func(p *Params) { p.Path.MTU = MinMTU - 1 },
		"partial":   func(p *Params) { p.PartialDelivery = -1 },
		"class":     func(p *Params) { p.Path.Class.Value = 256 },
		"flow":      func(p *Params) { p.Path.Flow.Value = 1 << 20 },
	} {
		p := Params{Timers: RFC9260Timers()}
		spoil(&p)
		require.Equal(t, ErrInvalid, r.e.SetParams(r.now, r.id, &p), name)
		require.Equal(t, ErrInvalid, r.e.Listen(9, &ListenParams{Locals: addrsOf(2, 1), Params: &p}), name)
		_, err := r.e.Associate(r.now, &AssociateParams{LocalPort: 1, PeerPort: 1, Locals: addrsOf(2, 1), Peers: addrsOf(1, 1), Params: &p})
		require.Equal(t, ErrInvalid, err, name)
		require.Equal(t, ErrInvalid, r.e.SetListener(portZ, addrOf(2, 0), &ListenParams{Params: &p}), name)
	}
	for _, p := range []PathParams{{PathTraits: PathTraits{MTU: 1}}, {HBInterval: -1}, {MaxRetrans: -1}} {
		require.Equal(t, ErrInvalid, r.e.SetPathParams(r.now, r.id, 0, &p))
	}
	require.Equal(t, ErrNoAssociation, r.e.SetPathParams(r.now, r.id, 1, &PathParams{}))
	require.Equal(t, ErrNoAssociation, r.e.SetParams(r.now, 0, &Params{}))
	_, ok := r.e.PathParams(r.id, 1)
	require.False(t, ok)
	_, ok = r.e.Params(0)
	require.False(t, ok)
}

func TestSACKFrequency(t *testing.T) {
	for _, every := range []int{0, 1, 2, 3, 5} {
		r := newRawPeer(t, nil)
		r.establish()
		r.with(func(p *Params) { p.SACKFrequency = every })
		want := every
		if every == 0 {
			want = 2
		}
		next := r.tsn
		say := func() []string {
			next++
			return names(r.say(dataChunk(whole, next-1, 0, wire.SSN(next-1-r.tsn), []byte("x"))))
		}
		require.Equal(t, []string{"SACK"}, say(), "the first one at once")
		for range 3 {
			for range want - 1 {
				require.Empty(t, say())
			}
			require.Equal(t, []string{"SACK"}, say())
		}
	}
}

// Small messages wait for company or an acknowledgement, large ones and the end do not.
func TestNagle(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	r.with(func(p *Params) { p.Nagle = true })
	require.Len(t, r.send(10), 1, "nothing is on its way")
	require.Empty(t, r.send(10))
	require.Empty(t, r.send(10))
	got := r.ackAll()
	require.Len(t, got, 1)
	require.Equal(t, 2, got[0].chunks(), "both")
	require.Empty(t, r.send(1000))
	require.Len(t, r.send(1000), 1, "a packet is full")
	r.with(func(p *Params) { p.Nagle = false })
	require.Len(t, r.poll(), 1)
	r.ackAll()
	r.with(func(p *Params) { p.Nagle = true })
	require.Len(t, r.send(3000), 3, "what is cut anyway is not held back")
	require.Empty(t, r.send(10))
	require.NoError(t, r.e.Shutdown(r.now, r.id))
	require.Len(t, r.poll(), 1, "nor what nothing will follow")
}

func TestMaxSegment(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	r.with(func(p *Params) { p.MaxSegment = 100 })
	got := r.send(250)
	require.Len(t, got, 1)
	require.Equal(t, 3, got[0].chunks())
	info, _ := r.e.Assoc(r.id)
	require.Equal(t, 100, info.FragmentSize)
	r.ackAll()
	r.with(func(p *Params) { p.MaxSegment = 0 })
	require.Equal(t, 1, r.send(250)[0].chunks())
}

func TestAutoclose(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	r.with(func(p *Params) { p.Autoclose = 3 * Second })
	r.wait(2 * Second)
	r.send(10)
	r.ackAll()
	r.wait(2 * Second)
	r.say(dataChunk(whole, r.tsn, 0, 0, []byte("x")))
	r.wait(2500 * Millisecond)
	require.Equal(t, Established, r.state())
	require.Contains(t, names(r.wait(600*Millisecond)), "SHUTDOWN")
	require.Equal(t, ShutdownSent, r.state())
	require.EqualValues(t, 1, r.e.ctr.AutocloseExpireds, "what was put off did not expire")
}

// Heartbeats are switched off and on, and their interval changed, also for one path.
func TestHeartbeatParams(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	count := func(d Time) (n int) {
		for end := r.now + d; r.now < end; {
			got := r.wait(Second)
			for _, name := range names(got) {
				if name == "HEARTBEAT" {
					n++
				}
			}
			r.answerHeartbeats(got)
		}
		return n
	}
	require.InDelta(t, 10, count(310*Second), 1)
	r.with(func(p *Params) { p.Path.NoHeartbeat = true })
	require.Zero(t, count(300*Second))
	require.NoError(t, r.e.RequestHeartbeat(r.now, r.id, 0))
	require.Equal(t, 1, count(300*Second))
	r.path(func(p *PathParams) { p.NoHeartbeat, p.HBInterval = false, 5*Second })
	require.InDelta(t, 43, count(300*Second), 8, "5 s, RTO and up to a second that the answer takes")
	r.with(func(p *Params) { p.Path.NoHeartbeat, p.HBInterval = false, 10*Second })
	require.InDelta(t, 43, count(300*Second), 8, "it has its own")
	r.path(func(p *PathParams) { p.HBInterval = 10 * Second })
	require.Nil(t, r.assoc().paths[0].own, "it has what all have")
	require.InDelta(t, 24, count(300*Second), 4)
	// Path.Max.Retrans of one path.
	r.path(func(p *PathParams) { p.HBInterval, p.MaxRetrans, p.PFMaxRetrans = 0, 2, 1 })
	var states []PathState
	r.events = nil
	r.wait(60 * Second)
	for _, v := range r.events {
		if v.Kind == EventPathState {
			states = append(states, v.To)
		}
	}
	require.Equal(t, []PathState{PotentiallyFailed, Inactive}, states)
}

func TestPathMTUIsBounded(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	mtu := func() int { return r.e.Paths(r.id, nil)[0].MTU }
	r.path(func(p *PathParams) { p.MTU = 1000 })
	require.Equal(t, 1000, mtu())
	require.NoError(t, r.e.SetRoute(r.now, r.id, 0, Route{Src: r.dst, MTU: 9000}))
	require.Equal(t, 1000, mtu())
	require.NoError(t, r.e.SetRoute(r.now, r.id, 0, Route{Src: r.dst, MTU: 800}))
	require.Equal(t, 800, mtu())
	require.NoError(t, r.e.SetRoute(r.now, r.id, 0, Route{Src: r.dst, MTU: 9000}))
	r.path(func(p *PathParams) { p.MTU = 0 })
	require.Equal(t, 9000, mtu())
	r.with(func(p *Params) { p.Path.MTU = 600 })
	require.Equal(t, 600, mtu())
	require.Len(t, r.send(1000), 2)
}

func TestRTOParams(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	rto := func() Time { return r.e.Paths(r.id, nil)[0].RTO }
	r.with(func(p *Params) { p.RTOInitial, p.RTOMin, p.RTOMax = 300*Millisecond, 200*Millisecond, 400*Millisecond })
	require.Equal(t, 300*Millisecond, rto(), "it was never measured")
	r.send(10)
	got := r.wait(301 * Millisecond)
	require.Equal(t, []string{"DATA"}, names(got))
	require.Equal(t, 400*Millisecond, rto())
	r.with(func(p *Params) { p.AssocMaxRetrans = 1 })
	r.wait(10 * Second)
	require.Equal(t, Closed, r.state())
	require.Equal(t, ReasonRetransLimit, r.lastEvent().Reason)
}

// INIT is repeated no more rarely than MaxInitTimeout says.
func TestMaxInitTimeout(t *testing.T) {
	p := newPair(t, 1, nil)
	p.drop = func(int, *flying) bool { return true }
	params := Params{Timers: RFC9260Timers()}
	params.MaxInitTimeout, params.MaxInitRetrans = 2*Second, 4
	_, err := p.e[0].Associate(p.now, &AssociateParams{LocalPort: portA, PeerPort: portZ, Locals: addrsOf(1, 1), Peers: addrsOf(2, 1), Params: &params})
	require.NoError(t, err)
	p.run(100 * Second)
	last := p.events[0][len(p.events[0])-1]
	require.Equal(t, ReasonInitLimit, last.Reason)
	require.InDelta(t, float64(9*Second), float64(last.At), float64(Second), "1, 2, 2, 2, 2")
}

// A listener's cookies live as long as it says.
func TestCookieLifeOfListener(t *testing.T) {
	for life, want := range map[Time]bool{2 * Second: false, 200 * Second: true} {
		r := newRawPeer(t, nil)
		params := Params{Timers: RFC9260Timers()}
		params.ValidCookieLife = life
		require.NoError(t, r.e.Listen(portZ, &ListenParams{Locals: addrsOf(2, 1), Params: &params}))
		r.dst = addrOf(2, 0)
		r.open()
		r.wait(100 * Second)
		got := names(r.say(r.echo()))
		require.Equal(t, want, len(got) == 1 && got[0] == "COOKIE ACK", "%v: %v", life, got)
	}
}

// Without discovery no ICMP message shrinks the MTU.
func TestNoDiscovery(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	tooBig := func(mtu int) int {
		r.e.HandleUnreachable(r.now, r.dst, r.src, r.quote(r.mine), mtu, false)
		return r.e.Paths(r.id, nil)[0].MTU
	}
	r.path(func(p *PathParams) { p.NoDiscovery = true })
	require.True(t, r.e.Marks(r.id, 0).MayBeCut)
	require.Equal(t, 1500, tooBig(700))
	r.path(func(p *PathParams) { p.NoDiscovery = false })
	require.False(t, r.e.Marks(r.id, 0).MayBeCut)
	require.Equal(t, 700, tooBig(700))
}

// What IP headers are to say: the path's class before the association's.
func TestMarks(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	require.Equal(t, Marks{}, r.e.Marks(r.id, 0))
	r.with(func(p *Params) { p.Class, p.Hops = 0x20, 3 })
	require.Equal(t, Marks{Class: 0x20, Hops: 3}, r.e.Marks(r.id, 0))
	r.with(func(p *Params) { p.Path.Class, p.Path.Flow = Mark{true, 0}, Mark{true, 77} })
	require.Equal(t, Marks{Hops: 3, Flow: Mark{true, 77}}, r.e.Marks(r.id, 0))
	r.path(func(p *PathParams) { p.Class = Mark{true, 0xb8} })
	r.with(func(p *Params) { p.Path.Class = Mark{} })
	require.Equal(t, Marks{Class: 0xb8, Hops: 3, Flow: Mark{true, 77}}, r.e.Marks(r.id, 0))
	require.Equal(t, Marks{}, r.e.Marks(r.id, 1))
}

// A message is delivered in parts when so much of it is there, in whatever order that came.
func TestPartialDeliveryPoint(t *testing.T) {
	r := newRawPeer(t, nil)
	r.establish()
	r.with(func(p *Params) { p.PartialDelivery = 250 })
	first := r.tsn
	piece := func(i int) []byte {
		flags := []uint8{wire.FlagB, 0, 0, 0, wire.FlagE}[i]
		return dataChunk(flags, first+wire.TSN(i), 0, 0, bytes.Repeat([]byte{byte('a' + i)}, 100))
	}
	parts := func() (sizes []int) {
		var buf [1000]byte
		for {
			n, _, ok := r.e.Receive(r.now, r.id, buf[:])
			if !ok {
				return sizes
			}
			sizes = append(sizes, n)
		}
	}
	r.say(piece(2))
	r.say(piece(0))
	require.Empty(t, parts(), "200 bytes, not in a row")
	r.say(piece(1))
	require.Equal(t, []int{300}, parts(), "all that is there")
	r.say(piece(3))
	require.Equal(t, []int{100}, parts(), "it goes on")
	r.say(piece(4))
	require.Equal(t, []int{100}, parts())
	first += 5
	r.tsn = first
	r.say(dataChunk(whole, first, 0, 1, []byte("next")))
	require.Equal(t, []int{4}, parts())
}

// A path's own threshold of RFC 7829 makes another the primary for good.
func TestSwitchoverOfPath(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	a := p.e[0].assoc(p.id[0])
	own, _ := p.e[0].PathParams(p.id[0], 0)
	require.Zero(t, a.primary)
	own.PFMaxRetrans, own.PrimarySwitchover = 0, 1
	require.NoError(t, p.e[0].SetPathParams(p.now, p.id[0], 0, &own))
	p.drop = func(_ int, f *flying) bool { return f.dst == addrOf(2, 0) || f.src == addrOf(2, 0) }
	p.run(p.now + 200*Second)
	require.EqualValues(t, 1, a.primary)
}

// A message that names a path takes it, the others do not follow it; where the path does
// not work it goes with them.
func TestMessageByAPath(t *testing.T) {
	p := newPair(t, 2, nil)
	p.connect()
	p.run(p.now + 5*Second) // the second path is confirmed
	a := p.e[0].assoc(p.id[0])
	require.Equal(t, Active, a.paths[1].state)
	type sent struct {
		net    byte
		chunks int
	}
	var all []sent
	p.drop = func(from int, f *flying) bool {
		if from == 0 && wire.ChunkType(f.data[wire.CommonHeaderLen]) == wire.ChunkData {
			all = append(all, sent{f.dst.As4()[2], answer{Packet: f.data}.chunks()})
		}
		return false
	}
	send := func(via ...uint8) []sent {
		all = nil
		for _, v := range via {
			require.NoError(t, p.e[0].Send(p.now, p.id[0], &Message{Data: make([]byte, 10), Via: v}))
		}
		p.run(p.now + Second)
		require.Zero(t, a.out.queued)
		return all
	}
	require.Equal(t, []sent{{0, 2}, {1, 2}, {0, 2}, {1, 1}}, send(0, 1, 2, 2, 0, 1, 2))
	require.Equal(t, []sent{{0, 4}}, send(3, 32, 33, 255), "there is no such path")
	all = nil
	require.NoError(t, p.e[0].Send(p.now, p.id[0], &Message{Data: make([]byte, 5000), Via: 2}))
	p.run(p.now + Second)
	require.Len(t, all, 4)
	for _, s := range all {
		require.EqualValues(t, 1, s.net)
	}
	require.NoError(t, p.e[0].SetRoute(p.now, p.id[0], 1, Route{Src: addrOf(1, 1), Down: true}))
	require.Equal(t, []sent{{0, 2}}, send(2, 0))
}
