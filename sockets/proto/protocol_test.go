package proto

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// header is one struct of the protocol in both languages.
type header struct {
	c      string
	value  any // pointer to a zero value
	encode func(v any) []byte
	fields map[string]string // Go name → C name
}

var headers = []header{
	{"tl_frame", &Frame{}, func(v any) []byte { return AppendFrame(nil, v.(*Frame)) }, map[string]string{
		"Kind": "kind", "Flags": "flags", "Length": "length", "Nonce": "nonce", "AssocID": "assoc_id", "Stream": "stream", "SSN": "ssn",
		"SinfoFlags": "sinfo_flags", "OutStreams": "outstreams", "PPID": "ppid", "Context": "context", "TimeToLive": "timetolive",
		"TSN": "tsn", "CumTSN": "cumtsn", "KeyNumber": "keynumber", "NextStream": "next_stream", "NextFlags": "next_flags",
		"AddrLength": "addr_length", "NextPPID": "next_ppid", "NextLength": "next_length", "NextAssocID": "next_assoc_id", "Addr": "addr",
	}},
	{"tl_request", &Request{}, func(v any) []byte { return AppendRequest(nil, v.(*Request)) }, map[string]string{
		"Op": "op", "Flags": "flags", "Seq": "seq", "ID": "id", "Level": "level", "Name": "name", "Size": "size", "Length": "length",
	}},
	{"tl_reply", &Reply{}, func(v any) []byte { return AppendReply(nil, v.(*Reply)) }, map[string]string{
		"Op": "op", "Flags": "flags", "Seq": "seq", "Error": "error", "Value": "value", "Length": "length", "Socket": "socket",
	}},
	{"tl_socket", &Status{}, func(v any) []byte { return AppendStatus(nil, v.(*Status)) }, map[string]string{
		"ID": "id", "Domain": "domain", "Type": "type", "State": "state", "OutStreams": "outstreams", "AssocID": "assoc_id",
		"Limit": "limit", "Linger": "linger",
	}},
}

// numbers are the constants by their name in C. TestNumbersAreAllCompared finds
// any that protocol.h has and this table has not.
var numbers = map[string]int{
	"TL_VERSION": Version, "TL_PAYLOAD_MAX": PayloadMax, "TL_CONTROL_MAX": ControlMax, "TL_OPTION_IN": OptionIn, "TL_ADDR_SIZE": AddrSize,
	"TL_PADS": PadsMax,

	"TL_SEND": int(FrameSend), "TL_PAD": int(FramePad), "TL_DATA": int(FrameData), "TL_NOTIFICATION": int(FrameNotification), "TL_ACCEPT": int(FrameAccept),
	"TL_END": int(FrameEnd), "TL_BELL": int(FrameBell),

	"TL_F_MORE": int(FlagMore), "TL_F_EOR": int(FlagEOR), "TL_F_NEXT": int(FlagNext), "TL_F_SNDRCV": int(FlagSndRcv), "TL_F_RCVINFO": int(FlagRcvInfo),
	"TL_F_NXTINFO": int(FlagNxtInfo), "TL_F_SNDINFO": int(FlagSndInfo), "TL_F_PRINFO": int(FlagPRInfo), "TL_F_AUTHINFO": int(FlagAuthInfo),
	"TL_F_NAMED": int(FlagNamed), "TL_F_CHECKED": int(FlagChecked), "TL_F_COUNTED": int(FlagCounted),

	"TL_HELLO": int(OpHello), "TL_CREATE": int(OpCreate), "TL_INFO": int(OpInfo), "TL_BIND": int(OpBind), "TL_CONNECT": int(OpConnect),
	"TL_LISTEN": int(OpListen), "TL_SHUTDOWN": int(OpShutdown), "TL_SOCKNAME": int(OpSockName), "TL_PEERNAME": int(OpPeerName),
	"TL_GETOPT": int(OpGetOpt), "TL_SETOPT": int(OpSetOpt), "TL_PEELOFF": int(OpPeelOff), "TL_CHECK": int(OpCheck), "TL_ERROR": int(OpError),
	"TL_LINGER": int(OpLinger), "TL_MAP": int(OpMap),

	"TL_LANE_HEADER": LaneHeader, "TL_LANE_UNIT": LaneUnit, "TL_LANE_USUAL": LaneUsual,

	"TL_Q_WAIT": int(AskWait), "TL_Q_PROOF": int(AskProof), "TL_Q_MANY": int(AskMany), "TL_Q_INIT": int(AskInit),
	"TL_R_PROOF": int(NeedProof), "TL_R_WAITER": int(WithWaiter),

	"TL_S_LISTENING": int(StateListening), "TL_S_CONNECTING": int(StateConnecting), "TL_S_CONNECTED": int(StateConnected), "TL_S_ENDED": int(StateEnded),
	"TL_S_SNDRCV": int(StateSndRcv), "TL_S_RCVINFO": int(StateRcvInfo), "TL_S_NXTINFO": int(StateNxtInfo),
	"TL_S_ASSOCIATED": int(StateAssociated), "TL_S_REFUSING": int(StateRefusing),
}

// words are a lane's, by their name in C.
var words = map[string]struct{ offset, size int }{
	"up_tail": {LaneUpTail, 8}, "up_seen": {LaneUpSeen, 8}, "up_lock": {LaneUpLock, 4}, "up_sent": {LaneUpSent, 4},
	"up_head": {LaneUpHead, 8}, "up_taken": {LaneUpTaken, 4}, "up_open": {LaneUpOpen, 4}, "up_shut": {LaneUpShut, 4},
	"up_sleeping": {LaneUpSleeping, 4}, "up_full": {LaneUpFull, 4},
	"down_tail": {LaneDownTail, 8}, "down_head": {LaneDownHead, 8}, "down_open": {LaneDownOpen, 4}, "down_waiters": {LaneDownWaiters, 4},
	"bell": {LaneBell, 4}, "down_full": {LaneDownFull, 4},
}

// TestLayout compiles a program against protocol.h that prints what C makes of
// it, and holds the encoders to that.
func TestLayout(t *testing.T) {
	var program, want strings.Builder
	program.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include \"protocol.h\"\nint main(void) {\n")
	print := func(name, expression string, value int) {
		fmt.Fprintf(&program, "printf(\"%s %%ld\\n\", (long)(%s));\n", name, expression)
		fmt.Fprintf(&want, "%s %d\n", name, value)
	}
	for name, value := range numbers {
		print(name, name, value)
	}
	print("prefix", `sizeof TL_NAME_PREFIX - 1 == 10 && TL_NAME_PREFIX[0] == 't' && TL_NAME_PREFIX[9] == '/'`, 1)
	require.Equal(t, "trunkline/", NamePrefix)
	for _, h := range headers {
		print(h.c, "sizeof(struct "+h.c+")", len(h.encode(h.value)))
		typ := reflect.TypeOf(h.value).Elem()
		require.Len(t, h.fields, typ.NumField(), "%s", typ)
		for i := range typ.NumField() {
			field := h.fields[typ.Field(i).Name]
			require.NotEmpty(t, field, "%s.%s", typ, typ.Field(i).Name)
			offset, size := place(t, h, i)
			print(h.c+"."+field+" at", fmt.Sprintf("offsetof(struct %s, %s)", h.c, field), offset)
			print(h.c+"."+field+" is", fmt.Sprintf("sizeof((struct %s *)0)->%s", h.c, field), size)
		}
	}
	for name, w := range words {
		print("tl_lane."+name+" at", "offsetof(struct tl_lane, "+name+")", w.offset)
		print("tl_lane."+name+" is", "sizeof((struct tl_lane *)0)->"+name, w.size)
	}
	program.WriteString("return 0;\n}\n")
	require.Equal(t, want.String(), compileAndRun(t, program.String()))
}

// place finds where field i of a header is encoded: the bytes that change with it.
func place(t *testing.T, h header, i int) (offset, size int) {
	v := reflect.New(reflect.TypeOf(h.value).Elem())
	empty := h.encode(v.Interface())
	fill(v.Elem().Field(i))
	full := h.encode(v.Interface())
	require.Len(t, full, len(empty))
	offset = -1
	last := 0
	for j := range full {
		if full[j] != empty[j] {
			if offset < 0 {
				offset = j
			}
			last = j
		}
	}
	require.GreaterOrEqual(t, offset, 0)
	size = last + 1 - offset
	if h.fields[v.Elem().Type().Field(i).Name] == "socket" {
		size += 4 // its last field is reserved
	}
	return offset, size
}

// fill sets every bit of a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Int32:
		v.SetInt(-1)
	default:
		v.SetUint(1<<(8*v.Type().Size()) - 1)
	}
}

func compileAndRun(t *testing.T, program string) string {
	dir := t.TempDir()
	source := filepath.Join(dir, "layout.c")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	binary := filepath.Join(dir, "layout")
	out, err := exec.Command("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I../preload", "-o", binary, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(binary).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestNumbersAreAllCompared(t *testing.T) {
	text, err := os.ReadFile("../preload/protocol.h")
	require.NoError(t, err)
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^(?:\t|#define )(TL_[A-Z_]+)[ =]`).FindAllSubmatch(text, -1) {
		if name := string(m[1]); name != "TL_NAME_PREFIX" {
			require.Contains(t, numbers, name)
			found++
		}
	}
	require.Equal(t, len(numbers), found)
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	payload := []byte("payload")
	for _, h := range headers {
		v := reflect.New(reflect.TypeOf(h.value).Elem())
		for i := range v.Elem().NumField() {
			fill(v.Elem().Field(i))
		}
		back := reflect.New(v.Elem().Type()).Interface()
		switch x := v.Interface().(type) {
		case *Frame:
			x.Kind, x.Length, x.AddrLength = FrameData, uint32(len(payload)), AddrSize
			rest, err := back.(*Frame).Decode(append(h.encode(x), payload...))
			require.NoError(t, err)
			require.Equal(t, payload, rest)
		case *Request:
			x.Length = uint32(len(payload))
			rest, err := back.(*Request).Decode(append(h.encode(x), payload...))
			require.NoError(t, err)
			require.Equal(t, payload, rest)
		case *Reply:
			x.Length = uint32(len(payload))
			rest, err := back.(*Reply).Decode(append(h.encode(x), payload...))
			require.NoError(t, err)
			require.Equal(t, payload, rest)
		case *Status:
			require.NoError(t, back.(*Status).Decode(h.encode(x)))
		}
		require.Equal(t, v.Interface(), back)
	}
}

func TestDecodeRefuses(t *testing.T) {
	frame := func(change func(f *Frame), payload int) []byte {
		f := Frame{Kind: FrameSend, Length: uint32(payload)}
		change(&f)
		return append(AppendFrame(nil, &f), make([]byte, payload)...)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, ErrShort},
		{"one byte that is no pad", []byte{byte(FrameSend)}, ErrShort},
		{"a byte too few", make([]byte, FrameSize-1), ErrShort},
		{"no kind", frame(func(f *Frame) { f.Kind = 0 }, 0), ErrKind},
		{"a long pad", frame(func(f *Frame) { f.Kind = FramePad }, 0), ErrKind},
		{"a kind beyond the last", frame(func(f *Frame) { f.Kind = FrameEnd + 1 }, 0), ErrKind},
		{"payload missing", frame(func(f *Frame) { f.Length = 2 }, 1), ErrLength},
		{"payload unannounced", frame(func(f *Frame) { f.Length = 0 }, 1), ErrLength},
		{"too long", frame(func(f *Frame) {}, PayloadMax+1), ErrLength},
		{"a short address", frame(func(f *Frame) { f.AddrLength = 15 }, 0), ErrAddress},
		{"a long address", frame(func(f *Frame) { f.AddrLength = 29 }, 0), ErrAddress},
		{"good", frame(func(f *Frame) { f.AddrLength = 16 }, PayloadMax), nil},
		{"a pad", []byte{byte(FramePad)}, nil},
	} {
		_, err := new(Frame).Decode(c.in)
		require.ErrorIs(t, err, c.want, c.name)
	}
	_, err := new(Request).Decode(make([]byte, RequestSize-1))
	require.ErrorIs(t, err, ErrShort)
	_, err = new(Request).Decode(make([]byte, RequestSize+1))
	require.ErrorIs(t, err, ErrLength)
	_, err = new(Reply).Decode(make([]byte, ReplySize-1))
	require.ErrorIs(t, err, ErrShort)
	_, err = new(Reply).Decode(make([]byte, ReplySize+1))
	require.ErrorIs(t, err, ErrLength)
	require.ErrorIs(t, new(Status).Decode(make([]byte, StatusSize+1)), ErrLength)
}

// TestDecodeAnything: no bytes make a decoder panic, and what it accepts encodes
// to the same header but for reserved bytes.
func TestDecodeAnything(t *testing.T) {
	const seed = 11
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	for range 20000 {
		b := make([]byte, random.IntN(FrameSize+8))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if len(b) >= FrameSize {
			copy(b[4:8], []byte{byte(len(b) - FrameSize), 0, 0, 0})
			b[0], b[54], b[55] = byte(random.IntN(8)), 16, 0
		}
		var f Frame
		if rest, err := f.Decode(b); err == nil && f.Kind != FramePad {
			again := AppendFrame(nil, &f)
			b[1] = 0
			require.True(t, bytes.Equal(b[:FrameSize], again))
			require.Len(t, rest, len(b)-FrameSize)
		}
		_, _ = new(Request).Decode(b)
		_, _ = new(Reply).Decode(b)
		_ = new(Status).Decode(b)
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	b := make([]byte, 0, 256)
	f := Frame{Kind: FrameData}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = f.Decode(AppendFrame(b, &f))
	}))
}

func BenchmarkFrame(b *testing.B) {
	buffer := make([]byte, 0, FrameSize)
	f := Frame{Kind: FrameData}
	for b.Loop() {
		buffer = AppendFrame(buffer[:0], &f)
		if _, err := f.Decode(buffer); err != nil {
			b.Fatal(err)
		}
	}
}
