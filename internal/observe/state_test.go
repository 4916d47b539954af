package observe

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
)

var everything = Want{Ports: true, Drops: true, Counters: true, Workers: true, Assocs: true}

func TestState(t *testing.T) {
	r := newRig(t, 2)
	c, _ := r.dial()
	for range 10 {
		r.send(c)
		r.run(time.Millisecond)
	}
	r.run(time.Second)
	before := time.Now()
	r.o.sample(before)
	st, err := r.o.State(everything)
	require.NoError(t, err)
	require.Equal(t, []string{"n1", "v1"}, []string{st.Node, st.Version})
	require.Len(t, st.Ports, 2)
	p := st.Ports[0]
	require.True(t, p.Up)
	require.Equal(t, "10.7.0.1/24", p.Addrs[0].String())
	require.Positive(t, p.TxPackets)
	require.Equal(t, 1, p.Paths)
	var sum Traffic
	require.Len(t, p.Queues, 2)
	for i, q := range p.Queues {
		require.Equal(t, []int{i, i}, []int{q.Number, q.Worker})
		sum.RxPackets, sum.TxPackets = sum.RxPackets+q.RxPackets, sum.TxPackets+q.TxPackets
		sum.RxBytes, sum.TxBytes = sum.RxBytes+q.RxBytes, sum.TxBytes+q.TxBytes
	}
	require.Equal(t, p.Traffic, sum, "what the port says is what the workers count")
	require.Equal(t, []PathCount{{p.Name, "ACTIVE", 1}, {st.Ports[1].Name, "ACTIVE", 1}}, st.PathCounts)
	require.Len(t, st.Workers, 2)
	require.Equal(t, 1, st.Workers[0].Assocs+st.Workers[1].Assocs)
	require.NotEmpty(t, st.Drops)
	require.Equal(t, Counter{"SctpCurrEstab", 1}, st.Counters[0])
	require.Len(t, st.Assocs, 1)
	a := st.Assocs[0]
	require.Equal(t, "ESTABLISHED", a.State)
	require.Equal(t, uint16(7), a.PeerPort)
	require.EqualValues(t, 10, a.TxMessages)
	require.Len(t, a.Paths, 2)
	require.Equal(t, []string{"10.7.0.2", "10.7.0.1", p.Name}, []string{a.Paths[0].Dst.String(), a.Paths[0].Src.String(), a.Paths[0].Port})
	require.Equal(t, "10.7.0.1", a.Local[0].String())
	age := time.Duration(r.now) // at most; the rig's clock began at a second
	require.WithinRange(t, a.Since, before.Add(-age), time.Now().Add(1100*time.Millisecond-age))
	h := r.o.History()
	require.Len(t, h.Points, 1)
	require.Positive(t, h.Points[0].TxBits)
	require.Positive(t, h.Points[0].TxMessages)
	_, err = json.Marshal(st)
	require.NoError(t, err)
}

// TestWorstFirst: what is in trouble is at the head of the shortest list, and what no list has
// is counted.
func TestWorstFirst(t *testing.T) {
	r := newRig(t, 2)
	for range 5 {
		r.dial()
	}
	single, err := r.dp[1].Listen(&dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.7.1.2")}, Port: 8}, nil)
	require.NoError(t, err)
	_, err = r.dp[0].Begin(nil, &dataplane.Addr{IPs: []netip.Addr{netip.MustParseAddr("10.7.1.2")}, Port: 8}, nil)
	require.NoError(t, err)
	r.run(time.Second)
	require.NotNil(t, single.TryAccept())
	cut := func(cable int, up bool) {
		require.NoError(t, r.wires[cable][0].SetLink(up))
		r.run(time.Second)
		r.o.sample(time.Now())
	}
	look := func(limit int) (st State, ports []uint16) {
		st, err := r.o.State(Want{Assocs: true, WorstFirst: true, Limit: limit})
		require.NoError(t, err)
		require.Empty(t, st.Next)
		require.Equal(t, 6, st.Associations)
		for _, a := range st.Assocs {
			ports = append(ports, a.PeerPort)
		}
		return st, ports
	}
	cut(0, true)
	st, _ := look(6)
	require.Equal(t, []Plight{{"lost", 0}, {"inactive", 0}, {"failing", 0}, {"unconfirmed", 0}, {Well, 6}}, st.Plights)
	require.Zero(t, st.Hidden)
	st, _ = look(4)
	require.Equal(t, Hidden{Associations: 2}, st.Hidden)

	cut(0, false)
	st, ports := look(6)
	require.Equal(t, []Plight{{"lost", 0}, {"inactive", 5}, {"failing", 0}, {"unconfirmed", 0}, {Well, 1}}, st.Plights)
	require.Equal(t, []uint16{7, 7, 7, 7, 7, 8}, ports)
	st, _ = look(5)
	require.Equal(t, Hidden{Associations: 1}, st.Hidden)
	st, _ = look(3)
	require.Equal(t, Hidden{Associations: 3, Troubled: 2}, st.Hidden)

	cut(0, true)
	cut(1, false)
	st, ports = look(1)
	require.Equal(t, []Plight{{"lost", 1}, {"inactive", 5}, {"failing", 0}, {"unconfirmed", 0}, {Well, 0}}, st.Plights)
	require.Equal(t, []uint16{8}, ports)
	require.Equal(t, "lost", st.Assocs[0].Plight)
	require.Equal(t, Hidden{Associations: 5, Troubled: 5}, st.Hidden)
}

func TestParts(t *testing.T) {
	r := newRig(t, 2)
	for range 5 {
		r.dial()
	}
	st, err := r.o.State(Want{})
	require.NoError(t, err)
	require.Nil(t, st.Ports)
	require.Nil(t, st.Assocs)
	all, err := r.o.State(Want{Assocs: true})
	require.NoError(t, err)
	require.Len(t, all.Assocs, 5)
	require.Empty(t, all.Next)
	var parts []Assoc
	for w := (Want{Assocs: true, Limit: 2}); ; {
		st, err := r.o.State(w)
		require.NoError(t, err)
		parts = append(parts, st.Assocs...)
		if w.After = st.Next; w.After == "" {
			break
		}
	}
	ids := func(as []Assoc) (ids []string) {
		for i := range as {
			ids = append(ids, as[i].ID)
		}
		return ids
	}
	require.Equal(t, ids(all.Assocs), ids(parts))
	one, err := r.o.State(Want{Assocs: true, Assoc: all.Assocs[3].ID})
	require.NoError(t, err)
	require.Equal(t, ids(all.Assocs[3:4]), ids(one.Assocs))
	for _, bad := range []Want{{Assocs: true, After: "x"}, {Assocs: true, Assoc: "1"}, {Assocs: true, Limit: -1}, {Assocs: true, WorstFirst: true, After: all.Assocs[0].ID}, {Assocs: true, Limit: MaxAssocs + 1}} {
		_, err := r.o.State(bad)
		require.ErrorIs(t, err, ErrWant)
	}
}
