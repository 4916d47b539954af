package sctpcore

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// fuzzedPeer is an endpoint with a listener and an association that has data
// waiting in both directions, always the same.
func fuzzedPeer(t testing.TB) *rawPeer {
	r := newRawPeer(t, func(c *Config) {
		c.Limits.ReceiveBuffer, c.Limits.StoreMemory, c.Limits.SendBuffer, c.Limits.MaxMessage = 8<<10, 512<<10, 64<<10, 32<<10
		c.Limits.Associations, c.Limits.PathsPerAssoc = 8, 4
		c.Timers.MaxBurst = 0
	})
	r.establish(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(1, 1)))
	r.say(dataChunk(wire.FlagB, r.tsn, 0, 0, []byte("begun")))
	r.say(dataChunk(whole, r.tsn+2, 1, 1, []byte("early")))
	r.sent(4)
	return r
}

// record is one operation of FuzzEndpoint's input.
func record(op byte, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{op}, uint16(len(b))), b...)
}

// FuzzEndpoint gives an endpoint packets and pauses. The input is records: an
// opcode, two bytes of length, that many bytes.
func FuzzEndpoint(f *testing.F) {
	r := fuzzedPeer(f)
	var chunks [][]byte
	next := r.tsn + 1
	sent := r.assoc().out.cumAcked + 1
	for i := range wire.TSN(3) {
		chunks = append(chunks, dataChunk(uint8(i), next+i, uint16(i), wire.SSN(i), []byte("fuzz")),
			dataChunk(whole|wire.FlagU, next+i, 0, 0, []byte("fuzz")), sackChunk(sent+i), sackChunk(sent-1, gap(2, 2+uint16(i))))
	}
	chunks = append(chunks, dataChunk(whole, next+1, 77, 0, []byte("x")), dataChunk(whole, next, 0, 0, nil),
		wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("beat")), wire.AppendHeartbeat(nil, wire.ChunkHeartbeatAck, make([]byte, heartbeatInfoLen)),
		wire.AppendAbort(nil, false, nil), wire.AppendAbort(nil, true, nil), wire.AppendShutdown(nil, sent+3), wire.AppendShutdownAck(nil),
		wire.AppendShutdownComplete(nil, false), wire.AppendCookieAck(nil), r.echo(), unknown(0xfe, "odd"),
		wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 5)), r.initAck(param(wire.ParamStateCookie, "biscuit")), wire.AppendEcne(nil, 5))
	for _, c := range chunks {
		f.Add(record(0, c))
		f.Add(append(record(0, c), record(0, append(append([]byte(nil), c...), c...))...))
	}
	init := r.plainInit(wire.AppendAddr(nil, r.src), wire.AppendAddr(nil, addrOf(1, 1)), param(0xd234, "odd"), wire.AppendCookiePreservative(nil, 5))
	f.Add(record(1, packet(0, init)))
	f.Add(append(record(1, packet(0, init)), record(5, nil)...)) // and its cookie comes back: a restart
	f.Add(append(record(4, nil), record(0, wire.AppendShutdown(nil, sent+3))...))
	f.Fuzz(driveEndpoint)
}

// driveEndpoint does what FuzzEndpoint's input says.
func driveEndpoint(t *testing.T, in []byte) {
	r := fuzzedPeer(t)
	r.drive(in, r.say)
}

// drive does what a fuzzer's input says; say gives the endpoint chunks of the peer's.
func (r *rawPeer) drive(in []byte, say func(...[]byte) []answer) {
	t := r.t
	var cookie, tag []byte
	for len(in) >= 3 {
		op, n := in[0], min(int(binary.BigEndian.Uint16(in[1:])), len(in)-3)
		body := in[3 : 3+n]
		in = in[3+n:]
		var got []answer
		switch op % 8 {
		case 0: // chunks from the peer
			got = say(body)
		case 1: // a whole packet
			got = r.putBytes(body)
		case 2: // time
			r.read()
			got = r.wait(Time(n+1) * 100 * Millisecond)
		case 3: // the other address
			home := r.src
			r.src = addrOf(1, 1+n%4/3)
			got = say(body)
			r.src = home
		case 4: // the user
			_ = r.e.Send(r.now, r.id, &Message{Data: make([]byte, 1+n*7%4000), Stream: uint16(n)})
			if n%16 == 3 {
				_ = r.e.Shutdown(r.now, r.id)
			}
			_ = r.e.ChangeAddress(r.now, r.id, AddressOp(n%4), addrOf(2, n/4%4))
			got = r.poll()
		case 5: // the cookie of the last INIT ACK comes back, perhaps with company
			if cookie != nil {
				got = r.put(binary.BigEndian.Uint32(tag), wire.AppendCookieEcho(nil, cookie), body)
			}
		case 6: // ICMP
			r.e.HandleUnreachable(r.now, r.dst, r.src, body, n%2000, n%3 == 0)
			got = r.poll()
		case 7: // a link goes down or up
			_ = r.e.SetRoute(r.now, r.id, n%3, Route{Src: addrOf(2, n%2), MTU: []int{0, 576, 1500}[n%3], Down: n%2 == 1})
			got = r.poll()
		}
		require.LessOrEqual(t, len(got), 4096, "a packet is answered by no more than a window")
		for _, g := range got {
			if p := paramOf(g.chunk(0), wire.ParamStateCookie); p != nil && g.chunk(0).Type() == wire.ChunkInitAck {
				i, _ := wire.ParseInit(g.chunk(0))
				cookie, tag = p.Value(), binary.BigEndian.AppendUint32(nil, i.InitiateTag())
			}
			require.NotEqual(t, "malformed", describe(g.Packet))
		}
		require.LessOrEqual(t, r.e.events.len(), 16)
		require.LessOrEqual(t, r.e.transmit.len(), len(r.e.slots)+8)
	}
	// However it ended: without the peer it comes to rest.
	r.read()
	r.wait(2000 * Second)
	if a := r.assoc(); a != nil && a.state != Closed {
		require.Zero(t, a.out.flight, "data is outstanding for ever in %s", a.state)
	}
}

// FuzzReconfiguration is FuzzEndpoint with a peer that authenticates what it sends, so that
// what it asks for is heard.
func FuzzReconfiguration(f *testing.F) {
	r := establishedAuth(f, reconfiguring(), nil)
	every := wire.AppendAsconf(nil, r.serial, r.src)
	for t := wire.ParamAddIP; t <= wire.ParamAdaptationLayer; t++ {
		for i := range 4 {
			p := req(t, uint32(i), addrOf(1, i))
			f.Add(record(0, r.asconf(r.src, p, req(wire.ParamSetPrimary, 9, wire.Addr{}))))
			f.Add(append(record(4, make([]byte, 1+4*i)), record(3, r.asconf(addrOf(1, 0), p))...))
			r.serial -= 2
			every = append(every, p...)
		}
	}
	f.Add(record(0, wire.FinishChunk(every, 0)))
	f.Add(append(record(4, make([]byte, 2)), record(0, wire.FinishChunk(wire.AppendAsconfAck(nil, r.assoc().ext.conf.next), 0))...))
	f.Add(record(0, wire.AppendAuth(nil, 0, 1)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := establishedAuth(t, reconfiguring(), func(c *Config) { c.Limits.PathsPerAssoc = 4 })
		r.drive(in, r.sayAuth)
	})
}

// FuzzAssociation drives two endpoints over a wire that the input controls: each
// byte is an operation, its upper bits an argument. The oracle: what was sent arrives
// exactly once and in order, and in the end, when the wire is good again, all of it.
func FuzzAssociation(f *testing.F) {
	f.Add([]byte("\x00\x10\x01\x11\x02\x03\x04\x05\x06\x07"))
	f.Add([]byte(strings.Repeat("\x00\x08\x01\x01\x0a\x0a", 20)))
	f.Add([]byte(strings.Repeat("\xf0\xf8\x02\x01\x11\x31\x03\x06\x16", 12)))
	f.Add([]byte(strings.Repeat("\x40\x48\x02\x06\x06", 9) + "\x07\x0f"))
	f.Add([]byte(strings.Repeat("\x90\x04\x01\x09\x05\x15\x06\x06\x0b", 9)))
	f.Add([]byte("\xff" + strings.Repeat(".", 60) + " .")) // data for one that has long asked for SHUTDOWN
	f.Fuzz(driveAssociation)
}

// driveAssociation does what FuzzAssociation's input says.
func driveAssociation(t *testing.T, in []byte) {
	if len(in) > 400 {
		return
	}
	p := newPair(t, 2, func(_ int, c *Config) {
		// However long the input withholds the packets, no side gives the other up.
		c.Timers.AssocMaxRetrans, c.Timers.ShutdownGuard = 1000, 500_000*Second
		c.Limits.ReceiveBuffer, c.Limits.SendBuffer, c.Limits.MaxMessage, c.Limits.StoreMemory = 8<<10, 64<<10, 32<<10, 512<<10
	})
	p.ext = [2]*Extensions{reconfiguring(), authData()}
	p.connect()
	o := newOracle(p)
	closing := false
	sizes := [...]int{1, 60, 600, 1452, 1453, 3000, 9000, 30_000}
	for _, b := range in {
		side, arg := int(b>>3&1), int(b>>4)
		p.pump()
		at := 0
		if len(p.wire) > 0 {
			at = arg % len(p.wire)
		}
		switch b & 7 {
		case 0:
			o.send(side, uint16(arg%3), sizes[arg%8], SendFlags(arg>>3))
		case 1: // one packet arrives, whichever
			if len(p.wire) > 0 {
				p.arrive(at)
			}
		case 2: // all arrive
			for range p.wire {
				p.arrive(0)
			}
		case 3: // one is lost
			if len(p.wire) > 0 {
				p.wire = append(p.wire[:at:at], p.wire[at+1:]...)
			}
		case 4: // one is duplicated, the copy perhaps corrupt
			if len(p.wire) > 0 && len(p.wire) < 200 {
				twin := p.wire[at]
				twin.data = append([]byte(nil), twin.data...)
				twin.data[len(twin.data)-1] ^= byte(side)
				if wire.VerifyChecksum(twin.data) {
					p.wire = append(p.wire, twin)
				}
			}
		case 5:
			if arg >= 8 { // an address is added, deleted or preferred
				_ = p.e[side].ChangeAddress(p.now, p.id[side], AddressOp(1+arg%3), addrOf(byte(1+side), arg/4%2))
				break
			}
			p.link(side, arg%2, arg/2%2 == 0)
		case 6: // time goes to the next timer
			next := min(p.e[0].NextDeadline(), p.e[1].NextDeadline())
			if next != Never {
				p.now = max(p.now, next)
			}
			p.e[0].HandleTimeout(p.now)
			p.e[1].HandleTimeout(p.now)
		case 7:
			require.NoError(t, o.read(side, 1+arg*400))
			if arg == 15 {
				closing = true
				require.NoError(t, p.e[side].Shutdown(p.now, p.id[side]))
			}
		}
		require.NoError(t, invariants(p.e[0]))
		require.NoError(t, invariants(p.e[1]))
	}
	for side := range 2 {
		for n := range 2 {
			p.link(side, n, false)
		}
	}
	require.NoError(t, o.settle(4000*Second))
	if closing {
		p.run(p.now + 1000*Second)
		// A HEARTBEAT that was overtaken by the end is answered with an ABORT.
		reasons := []Reason{p.downReason(0), p.downReason(1)}
		require.Contains(t, reasons, ReasonShutdown)
		require.Subset(t, []Reason{ReasonShutdown, ReasonPeerAbort}, reasons)
	} else {
		require.Equal(t, Established, p.state(0))
		require.Equal(t, Established, p.state(1))
	}
}

// downReason is why a side's association ended; after that there is no event.
func (p *pair) downReason(side int) Reason {
	for i, v := range p.events[side] {
		if v.Kind == EventDown {
			require.Empty(p.t, p.events[side][i+1:], "events after the end")
			return v.Reason
		}
	}
	return ReasonNone
}

// arrive delivers packet i of those on the wire.
func (p *pair) arrive(i int) {
	f := p.wire[i]
	p.wire = append(p.wire[:i:i], p.wire[i+1:]...)
	p.e[1-f.from].HandlePackets(p.now, []Inbound{{Src: f.src, Dst: f.dst, Data: f.data}})
	p.pump()
}

// randomInput is an input of FuzzEndpoint whose chunks have fields near what is right.
func randomInput(rng *rand.Rand) []byte {
	var in []byte
	r := rawPeer{mine: rawTag, tsn: 1000, streams: 16}
	near := func(n int) int { return rng.IntN(2*n) - n/2 }
	sent := wire.TSN(0xe430efcf)
	if rng.IntN(4) == 0 {
		sent = wire.TSN(rng.Uint32())
	}
	for range 1 + rng.IntN(60) {
		var body []byte
		for range 1 + rng.IntN(3) {
			t := r.tsn + wire.TSN(near(30))
			switch rng.IntN(16) {
			case 0, 1, 2, 3, 4, 5:
				body = append(body, dataChunk(uint8(rng.IntN(16)), t, uint16(rng.IntN(4)), wire.SSN(rng.IntN(5)), make([]byte, 1+rng.IntN(700)))...)
			case 6:
				body = append(body, dataChunk([]uint8{0, wire.FlagB}[rng.IntN(2)], t, 0, 0, make([]byte, 1+rng.IntN(1400)))...)
			case 7, 8, 9:
				gaps := make([]wire.GapBlock, rng.IntN(3))
				for i := range gaps {
					gaps[i] = gap(uint16(1+rng.IntN(6)), uint16(1+rng.IntN(6)))
				}
				body = append(body, wire.AppendSack(nil, sent+wire.TSN(near(6)), uint32(rng.IntN(20_000)), gaps, nil)...)
			case 10:
				body = append(body, wire.AppendShutdown(nil, sent+wire.TSN(near(6)))...)
			case 11:
				body = append(body, wire.AppendCookieAck(nil)...)
			case 12:
				body = append(body, unknown(wire.ChunkType(rng.IntN(256)), "\x00\x03\x00\x08abcdef")...)
			case 13:
				body = append(body, wire.AppendHeartbeat(nil, wire.ChunkHeartbeat, []byte("x"))...)
			case 14:
				body = append(body, wire.AppendShutdownAck(nil)...)
			case 15:
				body = append(body, wire.AppendError(nil, wire.AppendCauseStaleCookie(nil, 5))...)
			}
		}
		op := []byte{0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 7}[rng.IntN(11)]
		if op >= 2 && op != 3 {
			body = body[:min(len(body), rng.IntN(64))]
		}
		if rng.IntN(12) == 0 {
			op = 1
			r.mine += uint32(rng.IntN(2))
			body = packet(0, r.plainInit(wire.AppendAddr(nil, addrOf(1, rng.IntN(3)))))
		}
		in = append(in, record(op, body)...)
	}
	return in
}

// The same as the fuzz targets, from seeds, with inputs that are nearly right.
func TestNearlyRight(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprintf("endpoint/seed=%d", seed), func(t *testing.T) {
			driveEndpoint(t, randomInput(rand.New(rand.NewPCG(seed, 2))))
		})
	}
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("association/seed=%d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 3))
			in := make([]byte, 50+rng.IntN(300))
			for i := range in {
				in[i] = byte(rng.Uint32())
			}
			driveAssociation(t, in)
		})
	}
}
