package inet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// hotPaths are what a worker does per packet; each runs without allocating.
func hotPaths(t testing.TB) map[string]func() {
	s := resolved(t)
	f4, f6 := sctp4(t, 1400), sctp6(t, 1400)
	quote := quoted4Frame(t, 3, 1, 0, our4, 132, 60)
	arp, ns := arpFrame(t, BroadcastMAC, 1, peerMAC, peer4, our4), nsFrame(t, peer6, our6, &peerMAC)
	data := sctpBytes(2800)
	a, b := frag4(t, 7, data, 0, 1400), frag4(t, 7, data, 1400, 2800)
	var t4, t6 Template
	require.NoError(t, t4.Set(&TemplateConfig{Iface: s.iface, DstMAC: peerMAC, Src: our4, Dst: peer4}))
	require.NoError(t, t6.Set(&TemplateConfig{Iface: s.iface, DstMAC: peerMAC, Src: our6, Dst: peer6}))
	pkt := packet(2048, sctpBytes(1400))
	routes := testRoutes(t)
	far, from := addr("8.8.8.8"), addr("10.1.0.1")
	var hops [4]Hop
	var buf [MaxControlFrame]byte
	poll := func() {
		for s.n.Poll(s.now, buf[:]) > 0 {
		}
	}
	return map[string]func(){
		"Parse4":         func() { s.p.Parse(f4, 0, s.now, &s.m) },
		"Parse6":         func() { s.p.Parse(f6, 0, s.now, &s.m) },
		"ParseICMPError": func() { s.p.Parse(quote, 0, s.now, &s.m) },
		"ParseFragments": func() {
			s.p.Parse(a, 0, s.now, &s.m)
			if s.p.Parse(b, 0, s.now, &s.m) != SCTP {
				panic("not reassembled")
			}
			s.frags.Recycle()
		},
		"HandleARP":       func() { s.now += Second; s.take(arp); poll() },
		"HandleND":        func() { s.now += Second; s.take(ns); poll() },
		"TemplateWrite4":  func() { t4.Write(pkt); pkt.TrimFront(t4.Len()) },
		"TemplateWrite6":  func() { t6.Write(pkt); pkt.TrimFront(t6.Len()) },
		"NeighbourLookup": func() { s.n.Lookup(peer4, s.now) },
		"RouteLookup":     func() { routes.Lookup(far) },
		"RouteLookupFrom": func() { routes.LookupFrom(from, far) },
		"Candidates":      func() { routes.Candidates(from, far, hops[:]) },
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	for name, f := range hotPaths(t) {
		require.Zero(t, testing.AllocsPerRun(100, f), name)
	}
}

func BenchmarkHotPaths(b *testing.B) {
	for name, f := range hotPaths(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
