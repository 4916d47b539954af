package wire

import (
	"bytes"
	"testing"
)

// walker calls every accessor of every view that a packet gives and holds it to the
// promises of the package. It takes fail rather than t, for the fuzzer's speed.
type walker struct {
	chunks, params, causes int
	sink                   uint64 // so that no accessor is optimised away
	fail                   func(format string, args ...any)
}

func newWalker(tb testing.TB) *walker { return &walker{fail: tb.Fatalf} }

func (w *walker) packet(b []byte) {
	before := append([]byte(nil), b...)
	w.sink += uint64(Checksum(b))
	VerifyChecksum(b)
	p, err := ParsePacket(b)
	if err != nil {
		if len(b) >= CommonHeaderLen+4 {
			w.fail("packet of %d bytes refused", len(b))
		}
		return
	}
	w.sink += uint64(p.SrcPort()) + uint64(p.DstPort()) + uint64(p.VerificationTag()) + uint64(p.Checksum())
	for rest := p.Chunks(); len(rest) > 0; {
		c, after, err := NextChunk(rest)
		if err != nil {
			break
		}
		if len(c) < 4 || len(c) != cap(c) || len(rest)-len(after) < len(c) || len(rest)-len(after) > len(c)+3 {
			w.fail("NextChunk: %d of %d bytes, %d left", len(c), len(rest), len(after))
		}
		w.chunk(c)
		rest = after
	}
	if !bytes.Equal(before, b) {
		w.fail("reading changed the packet")
	}
}

func (w *walker) chunk(c Chunk) {
	w.chunks++
	w.sink += uint64(c.Flags()) + uint64(len(c.Value())) + uint64(len(c.Type().String()))
	w.data(c)
	if i, err := ParseInit(c); err == nil {
		w.sink += uint64(i.InitiateTag()) + uint64(i.AdvertisedReceiverWindowCredit()) + uint64(i.OutboundStreams()) +
			uint64(i.InboundStreams()) + uint64(i.InitialTSN())
		w.paramList(i.Params())
	}
	if s, err := ParseSack(c); err == nil {
		w.sink += uint64(s.CumulativeTSNAck()) + uint64(s.AdvertisedReceiverWindowCredit())
		for i := range s.NumGapBlocks() {
			start, end := s.GapBlock(i)
			w.sink += uint64(start) + uint64(end)
		}
		for i := range s.NumDuplicates() {
			w.sink += uint64(s.Duplicate(i))
		}
	}
	if info, err := ParseHeartbeat(c); err == nil {
		w.sink += uint64(len(info))
		ack := AppendHeartbeatAck(nil, c)
		if again, err := ParseHeartbeat(Chunk(ack[:len(c)])); err != nil || !bytes.Equal(info, again) {
			w.fail("the answer to a heartbeat does not carry its information: %x", c)
		}
	}
	if causes, _, err := ParseAbort(c); err == nil {
		w.causeList(causes)
	}
	if causes, err := ParseError(c); err == nil {
		w.causeList(causes)
	}
	for _, parse := range []func(Chunk) (TSN, error){ParseShutdown, ParseEcne, ParseCwr} {
		tsn, _ := parse(c)
		w.sink += uint64(tsn)
	}
	cookie, _ := ParseCookieEcho(c)
	w.sink += uint64(len(cookie))
	_, _ = ParseShutdownComplete(c)
	w.extension(c)
}

func (w *walker) data(c Chunk) {
	d, err := ParseData(c)
	if err != nil {
		return
	}
	w.sink += uint64(d.TSN()) + uint64(d.StreamID()) + uint64(d.SSN()) + uint64(d.PPID()) + uint64(len(d.UserData()))
	var again [DataHeaderLen]byte
	PutDataHeader(again[:], c.Flags(), len(d.UserData()), d.TSN(), d.StreamID(), d.SSN(), d.PPID())
	if !bytes.Equal(again[:], d[:DataHeaderLen]) {
		w.fail("DATA header %x was written again as %x", d[:DataHeaderLen], again)
	}
	for flag, got := range map[uint8]bool{FlagE: d.Ending(), FlagB: d.Beginning(), FlagU: d.Unordered(), FlagI: d.Immediate()} {
		if got != (c.Flags()&flag != 0) {
			w.fail("flag %d of %x", flag, c)
		}
	}
}

// paramList walks parameters, builds them again and compares.
func (w *walker) paramList(b []byte) {
	valid := wellFormed(b)
	var again []byte
	for len(b) > 0 {
		p, rest, err := NextParam(b)
		if err != nil {
			if valid {
				w.fail("verifier passed what the consumer refuses: %x", b)
			}
			return
		}
		w.param(p)
		again = AppendParam(again, p.Type(), p.Value())
		if !bytes.Equal(AppendParamCopy(nil, p), again[len(again)-Pad4(len(p)):]) {
			w.fail("parameter %x was built again otherwise", p)
		}
		b = rest
	}
	if !valid || !wellFormed(again) {
		w.fail("the consumer passed what the verifier refuses")
	}
}

func (w *walker) param(p Param) {
	w.params++
	w.sink += uint64(len(p.Value())) + uint64(len(p.Type().String()))
	if a, ok := ParamAddr(p); ok && !a.IsZero() && !bytes.Equal(AppendAddr(nil, a), p) {
		w.fail("address %v is not %x", a, p)
	}
	ParseSupportedAddrTypes(p)
	ParseCookiePreservative(p)
	ParseStateCookie(p)
	ParseHeartbeatInfo(p)
	w.extensionParam(p)
	if q, ok := ParseUnrecognized(p); ok {
		w.sink += uint64(q.Type()) + uint64(len(q.Value()))
	}
}

// causeList walks causes that ParseAbort or ParseError passed.
func (w *walker) causeList(b []byte) {
	for len(b) > 0 {
		c, rest, err := NextCause(b)
		if err != nil {
			w.fail("verifier passed what the consumer refuses: %x", b)
			return
		}
		w.cause(c)
		b = rest
	}
}

func (w *walker) cause(c Cause) {
	w.causes++
	w.sink += uint64(len(c.Value())) + uint64(len(c.Code().String()))
	c.InvalidStream()
	c.StaleCookie()
	c.NoUserData()
	c.UnsupportedHMAC()
	c.RefusedRequest()
	for i := 0; ; i++ {
		if _, ok := c.MissingParam(i); !ok {
			break
		}
	}
	if p, ok := c.UnresolvableAddr(); ok {
		w.param(p)
	}
	if q, ok := c.UnrecognizedChunk(); ok {
		w.sink += uint64(q.Type()) + uint64(q.Flags()) + uint64(len(q.Value()))
	}
	if params, ok := c.UnrecognizedParams(); ok {
		w.paramList(params)
	}
	if params, ok := c.RestartNewAddrs(); ok {
		w.paramList(params)
	}
}

// packetOf puts a common header before chunks.
func packetOf(chunks ...[]byte) []byte {
	b := make([]byte, CommonHeaderLen)
	PutHeader(b, 5000, 5001, 0x01020304)
	for _, c := range chunks {
		b = append(b, c...)
	}
	SetChecksum(b)
	return b
}

// FuzzPacket walks whatever comes with every accessor.
func FuzzPacket(f *testing.F) {
	var every [][]byte
	for _, g := range allGoldens() {
		f.Add(packetOf(g.bytes()))
		every = append(every, g.bytes())
	}
	f.Add(packetOf(every...))
	for _, b := range capturedPackets(f) {
		f.Add(b)
	}
	for _, h := range hostileChunks {
		f.Add(packetOf(unhex(h.hex)))
	}
	f.Fuzz(func(t *testing.T, b []byte) { newWalker(t).packet(b) })
}
