package sctpcore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// rawPeer is a peer A played by hand: its packets are written chunk by chunk and
// given to one endpoint Z, whose answers are read.
type rawPeer struct {
	t            testing.TB
	e            *Endpoint
	now          Time
	src, dst     wire.Addr
	id           AssocID
	mine, theirs uint32   // verification tags of what Z sends, and of what A sends
	tsn          wire.TSN // A's next one
	streams      uint16   // that A asks for
	cookie       []byte
	events       []Event
	out          [8]Outbound
	ext          *Extensions // that Z offers
}

// answer is a packet that Z sent.
type answer struct {
	wire.Packet
	src, dst wire.Addr
}

func (a answer) chunk(i int) wire.Chunk {
	rest := a.Chunks()
	for {
		c, next, err := wire.NextChunk(rest)
		if err != nil || i == 0 {
			return c
		}
		rest, i = next, i-1
	}
}

// names are the chunks of packets, as "SACK+DATA".
func names(packets []answer) []string {
	n := []string{}
	for _, p := range packets {
		n = append(n, describe(p.Packet))
	}
	return n
}

const rawTag = 0x0a0b0c0d

func newRawPeer(t testing.TB, mod func(c *Config)) *rawPeer {
	c := Config{Timers: RFC9260Timers(), Limits: DefaultLimits()}
	c.Seed[0] = 9
	if mod != nil {
		mod(&c)
	}
	e, err := New(c)
	require.NoError(t, err)
	return &rawPeer{t: t, e: e, now: Second, src: addrOf(1, 0), dst: addrOf(2, 0), mine: rawTag, tsn: 1000, streams: 16}
}

func (r *rawPeer) listen(nets int) {
	require.NoError(r.t, r.e.Listen(portZ, &ListenParams{Locals: addrsOf(2, nets), Extensions: r.ext}))
}

// packet writes a packet from A to Z.
func packet(tag uint32, chunks ...[]byte) []byte {
	b := make([]byte, wire.CommonHeaderLen, 1500)
	wire.PutHeader(b, portA, portZ, tag)
	for _, c := range chunks {
		b = append(b, c...)
	}
	return b
}

// put gives Z a packet with this tag and returns what it answers at once.
func (r *rawPeer) put(tag uint32, chunks ...[]byte) []answer {
	return r.putBytes(packet(tag, chunks...))
}

// say is put with the tag that Z wants.
func (r *rawPeer) say(chunks ...[]byte) []answer { return r.put(r.theirs, chunks...) }

func (r *rawPeer) putBytes(b []byte) []answer {
	r.e.HandlePackets(r.now, []Inbound{{Src: r.src, Dst: r.dst, Data: b, Port: 7}})
	return r.poll()
}

// poll takes out what Z has to tell and to send.
func (r *rawPeer) poll() []answer {
	var sent []answer
	var ev [16]Event
	out := r.out[:]
	for i := range out {
		if out[i].Buf == nil {
			out[i].Buf = make([]byte, 9000)
		}
	}
	for {
		require.NoError(r.t, invariants(r.e))
		for n := len(ev); n == len(ev); {
			n = r.e.PollEvents(ev[:])
			for _, v := range ev[:n] {
				r.handleEvent(v)
			}
		}
		n := r.e.PollTransmit(r.now, out)
		for i := range n {
			sent = append(sent, answer{append(wire.Packet(nil), out[i].Buf[:out[i].N]...), out[i].Src, out[i].Dst})
		}
		if n < len(out) {
			break
		}
	}
	require.NoError(r.t, invariants(r.e))
	require.NoError(r.t, stalled(r.e))
	return sent
}

func (r *rawPeer) handleEvent(v Event) {
	r.events = append(r.events, v)
	switch v.Kind {
	case EventPathAdded:
		if a := r.e.assoc(v.Assoc); a != nil && a.state != Closed && int(v.Path) < len(a.paths) && a.paths[v.Path].dst.Is4() {
			net := int(a.paths[v.Path].dst.As4()[2])
			require.NoError(r.t, r.e.SetRoute(r.now, v.Assoc, int(v.Path), Route{Src: addrOf(2, net), Egress: uint32(net + 1)}))
		}
	case EventUp:
		r.id = v.Assoc
	}
}

// wait lets time pass and returns what Z sends meanwhile.
func (r *rawPeer) wait(d Time) []answer {
	end := r.now + d
	sent := r.poll()
	for r.e.NextDeadline() <= end {
		r.now = max(r.now, r.e.NextDeadline())
		r.e.HandleTimeout(r.now)
		sent = append(sent, r.poll()...)
	}
	r.now = end
	r.e.HandleTimeout(end)
	return append(sent, r.poll()...)
}

func (r *rawPeer) lastEvent() Event {
	require.NotEmpty(r.t, r.events)
	return r.events[len(r.events)-1]
}

func (r *rawPeer) state() State {
	if a := r.e.assoc(r.id); a != nil {
		return a.state
	}
	return Closed
}

func (r *rawPeer) assoc() *assoc { return r.e.assoc(r.id) }

// The chunks that A writes.

func initChunk(t wire.ChunkType, tag, rwnd uint32, os, mis uint16, tsn wire.TSN, params ...[]byte) []byte {
	b := wire.AppendInit(nil, t, tag, rwnd, os, mis, tsn)
	for _, p := range params {
		b = append(b, p...)
	}
	return wire.FinishChunk(b, 0)
}

// plainInit is an INIT that nothing is wrong with.
func (r *rawPeer) plainInit(params ...[]byte) []byte {
	return initChunk(wire.ChunkInit, r.mine, 1<<20, r.streams, 16, r.tsn, params...)
}

const whole = wire.FlagB | wire.FlagE

func dataChunk(flags uint8, t wire.TSN, stream uint16, ssn wire.SSN, user []byte) []byte {
	b := make([]byte, wire.DataHeaderLen+wire.Pad4(len(user)))
	wire.PutDataHeader(b, flags, len(user), t, stream, ssn, 42)
	copy(b[wire.DataHeaderLen:], user)
	return b
}

func sackChunk(cum wire.TSN, gaps ...wire.GapBlock) []byte {
	return wire.AppendSack(nil, cum, 1<<20, gaps, nil)
}

// unknown is a chunk of a type that nobody knows.
func unknown(t wire.ChunkType, value string) []byte {
	return wire.FinishChunk(append(wire.BeginChunk(nil, t, 0), value...), 0)
}

func param(t wire.ParamType, value string) []byte { return wire.AppendParam(nil, t, []byte(value)) }

// paramOf finds a parameter of an INIT or INIT ACK.
func paramOf(c wire.Chunk, t wire.ParamType) wire.Param {
	i, err := wire.ParseInit(c)
	if err != nil {
		return nil
	}
	for rest := i.Params(); len(rest) > 0; {
		p, next, err := wire.NextParam(rest)
		if err != nil {
			return nil
		}
		if p.Type() == t {
			return p
		}
		rest = next
	}
	return nil
}

// firstCause is the first error cause of an ERROR or ABORT.
func firstCause(c wire.Chunk) wire.Cause {
	causes, err := wire.ParseError(c)
	if c.Type() == wire.ChunkAbort {
		causes, _, err = wire.ParseAbort(c)
	}
	if err != nil || len(causes) == 0 {
		return nil
	}
	cause, _, _ := wire.NextCause(causes)
	return cause
}

// open sends INIT and keeps what the INIT ACK says.
func (r *rawPeer) open(params ...[]byte) answer {
	got := r.put(0, r.plainInit(params...))
	require.Equal(r.t, []string{"INIT ACK"}, names(got))
	require.Equal(r.t, r.mine, got[0].VerificationTag())
	ack, err := wire.ParseInit(got[0].chunk(0))
	require.NoError(r.t, err)
	r.theirs = ack.InitiateTag()
	r.cookie = paramOf(got[0].chunk(0), wire.ParamStateCookie).Value()
	return got[0]
}

func (r *rawPeer) echo() []byte { return wire.AppendCookieEcho(nil, r.cookie) }

// establish makes an association that A began; Z listens on nets networks.
func (r *rawPeer) establish(params ...[]byte) {
	if r.e.listeners[portZ] == nil {
		r.listen(2)
	}
	r.open(params...)
	require.Equal(r.t, "COOKIE ACK", strings.Split(names(r.say(r.echo()))[0], "+")[0])
	require.Equal(r.t, Established, r.state())
}

func rawEstablished(t testing.TB, mod func(c *Config)) *rawPeer {
	r := newRawPeer(t, mod)
	r.establish()
	return r
}

// ackAll acknowledges all that Z ever sent.
func (r *rawPeer) ackAll() []answer { return r.say(sackChunk(r.assoc().out.nextTSN - 1)) }

// read takes every message that waits.
func (r *rawPeer) read() []string {
	var all []string
	buf := make([]byte, 1<<20)
	for {
		n, _, ok := r.e.Receive(r.now, r.id, buf)
		if !ok {
			return all
		}
		all = append(all, string(buf[:n]))
	}
}

func (r *rawPeer) answerHeartbeats(got []answer) {
	for _, g := range got {
		if c := g.chunk(0); c.Type() == wire.ChunkHeartbeat {
			r.say(wire.AppendHeartbeatAck(nil, c))
		}
	}
}

// works shows that the association carries a message each way.
func (r *rawPeer) works() {
	r.t.Helper()
	require.Equal(r.t, Established, r.state())
	r.tsn = r.assoc().in.cum + 1
	r.say(dataChunk(whole|wire.FlagU, r.tsn, 0, 0, []byte("are you there?")))
	r.tsn++
	require.Contains(r.t, r.read(), "are you there?")
	m := &Message{Data: []byte("I am"), Stream: 1}
	require.NoError(r.t, r.e.Send(r.now, r.id, m))
	before := r.assoc().out.nextTSN
	r.poll()
	require.Equal(r.t, before+1, r.assoc().out.nextTSN, "nothing was sent")
	r.ackAll()
	require.Zero(r.t, r.assoc().out.queued)
}
