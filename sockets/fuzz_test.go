package sockets

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// FuzzClient has a client do what the input says to a server that others use, too. Each
// step is a byte that says which connection it goes to and how, and as many bytes as the
// next says: a request with its ids put right, or not, a frame, or anything at all.
func FuzzClient(f *testing.F) {
	step := func(how byte, b []byte) []byte { return append([]byte{how, byte(len(b))}, b...) }
	request := func(op proto.Op, level, name uint32, body []byte) []byte {
		return step(0, append(proto.AppendRequest(nil, &proto.Request{Op: op, Level: level, Name: name, Size: uint32(len(body)), Length: uint32(len(body))}), body...))
	}
	frame := func(fr proto.Frame, data string) []byte {
		fr.Kind, fr.Length = proto.FrameSend, uint32(len(data))
		return step(2, append(proto.AppendFrame(nil, &fr), data...))
	}
	for op := proto.OpInfo; op <= proto.OpLinger+1; op++ {
		f.Add(append(request(op, solSCTP, optStatus, make([]byte, 60)), frame(proto.Frame{}, "x")...))
	}
	f.Add(append(request(proto.OpBind, 0, 0, sockaddr("127.0.0.1:0")), request(proto.OpListen, 5, 0, nil)...))
	f.Add(frame(proto.Frame{Flags: proto.FlagMore, Nonce: 1}, "part"))
	f.Add(frame(proto.Frame{SinfoFlags: sndAll | sndAbort, AssocID: 3}, "all"))
	f.Add(step(1, []byte("noise")))
	f.Add(step(4, make([]byte, 200)))
	f.Add(append(request(proto.OpListen, 5, 0, nil), step(6, make([]byte, proto.FrameSize))...))

	s := newServer(f)
	y := newBystander(f, s)
	f.Fuzz(func(t *testing.T, input []byte) {
		p := newProgram(t, s)
		y.a.p.t = t
		k := p.socket(unix.AF_INET, []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET}[len(input)%2])
		for steps := 0; len(input) >= 2 && steps < 32; steps++ {
			how, b := input[0], input[2:min(len(input), 2+int(input[1]))]
			input = input[2+len(b):]
			k.perform(how, b)
		}
		k.close()
		p.conn.Close()
		y.isWell(t)
		var now Stats
		for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
			if now = s.Stats(); now.Sockets == 2 && now.Clients == 1 && now.Associations == 2 {
				return
			}
		}
		require.Failf(t, "more than the bystander's stays behind", "%+v\n%s", now, stacks())
	})
}

// refusesRights tells whether the kernel lets a socket refuse descriptors.
var refusesRights = func() bool {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	return refuseRights(pair[0])
}()

// perform does one step of a hostile client, whose answers nobody minds.
func (k *sock) perform(how byte, b []byte) {
	b = append([]byte(nil), b...)
	var rights []byte
	if how&4 != 0 && (how&2 == 0 || refusesRights) { // as many descriptors as the kernel takes
		fds := make([]int, 253)
		for i := range fds {
			fds[i] = k.fd
		}
		rights = unix.UnixRights(fds...)
	}
	if how&2 != 0 {
		_ = unix.Sendmsg(k.fd, b, rights, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		return
	}
	if how&1 == 0 && len(b) >= proto.RequestSize {
		binary.LittleEndian.PutUint64(b[8:], k.id)
		binary.LittleEndian.PutUint32(b[28:], uint32(len(b)-proto.RequestSize))
	}
	if _, _, err := k.p.conn.WriteMsgUnix(b, rights, nil); err != nil {
		return
	}
	var reply [proto.ReplySize + 1024]byte
	var oob [64]byte
	_, n, _, _, _ := k.p.conn.ReadMsgUnix(reply[:], oob[:]) // or the end of the connection
	for _, fd := range descriptorsIn(oob[:n]) {
		_ = unix.Close(fd)
	}
}
