package sockets

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// memory is a socket's lane as a program has it, which does not keep to the rules here.
type memory struct {
	b    []byte
	size int // of a ring
}

func (k *sock) lane() memory {
	k.p.t.Helper()
	a := k.do(proto.OpMap, 0, 0, nil)
	require.Len(k.p.t, a.fds, 1)
	defer unix.Close(a.fds[0])
	b, err := unix.Mmap(a.fds[0], 0, proto.LaneHeader+2*int(a.Value), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(k.p.t, err)
	k.p.t.Cleanup(func() { _ = unix.Munmap(b) })
	return memory{b, int(a.Value)}
}

func (m memory) put64(at int, v uint64) { binary.LittleEndian.PutUint64(m.b[at:], v) }

func (m memory) get64(at int) uint64 { return binary.LittleEndian.Uint64(m.b[at:]) }

// send puts one message into the ring up, which is empty, and wakes the server.
func (m memory) send(k *sock, payload string) {
	tail := m.get64(proto.LaneUpTail)
	f := proto.Frame{Kind: proto.FrameSend, Length: uint32(len(payload))}
	record := append(proto.AppendFrame(nil, &f), payload...)
	copy(m.b[proto.LaneHeader+int(tail)%m.size:], record)
	m.put64(proto.LaneUpTail, tail+uint64(len(record)+proto.LaneUnit-1)/proto.LaneUnit*proto.LaneUnit)
	k.pad()
}

func (k *sock) pad() { _, _ = unix.Write(k.fd, []byte{byte(proto.FramePad)}) }

// recv takes what is behind a bell.
func (m memory) recv(k *sock) (payload string) {
	k.p.t.Helper()
	k.wait(unix.POLLIN)
	b := make([]byte, proto.FrameSize)
	n, err := unix.Read(k.fd, b)
	require.NoError(k.p.t, err)
	require.Equal(k.p.t, 1, n)
	require.EqualValues(k.p.t, proto.FrameBell, b[0])
	head := m.get64(proto.LaneDownHead) >> 17 * proto.LaneUnit
	require.Eventually(k.p.t, func() bool { return m.get64(proto.LaneDownTail) > head }, within, time.Millisecond)
	var f proto.Frame
	record := m.b[proto.LaneHeader+m.size+int(head)%m.size:]
	require.NoError(k.p.t, f.DecodeHeader(record))
	payload = string(record[proto.FrameSize:][:f.Length])
	m.put64(proto.LaneDownHead, (head+uint64(proto.FrameSize+len(payload)+proto.LaneUnit-1)/proto.LaneUnit*proto.LaneUnit)/proto.LaneUnit<<17)
	binary.LittleEndian.PutUint32(m.b[proto.LaneBell:], 0)
	return payload
}

// TestLane: messages through the memory, in order with those of the data connection.
func TestLane(t *testing.T) {
	a, b, _ := pair(t, newProgram(t, newServer(t)))
	a.write(proto.Frame{}, []byte("before"))
	require.Equal(t, "before", string(b.data().data))
	up, down := a.lane(), b.lane()
	require.EqualValues(t, 1, a.do(proto.OpMap, 1, 0, nil).Value, "all was read")
	for i := range 20 {
		text := fmt.Sprint("message ", i)
		up.send(a, text)
		require.Equal(t, text, down.recv(b))
	}
	a.write(proto.Frame{}, []byte("beside"))
	require.Equal(t, "beside", down.recv(b))

	up.send(a, "last")
	a.close()
	require.Equal(t, "last", down.recv(b))
	require.Zero(t, b.recv().Kind)
}

// TestLaneIsRefused where there is nothing to gain, or the user has too many.
func TestLaneIsRefused(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Limits.Lanes = 1 })
	p := newProgram(t, s)
	a, b, l := pair(t, p)
	l.fails(unix.EINVAL, proto.OpMap, 0, 0, nil)
	a.fails(unix.EINVAL, proto.OpMap, 1, 0, nil)
	m := a.lane()
	a.lane() // for another process
	b.fails(unix.ENOBUFS, proto.OpMap, 0, 0, nil)
	b.write(proto.Frame{}, []byte("x"))
	require.Equal(t, "x", m.recv(a))
	a.close()
	require.Eventually(t, func() bool { return s.Stats().Sockets == 2 }, within, time.Millisecond)
}

// TestLaneOfNoise: a program that writes anything into its memory, and wakes the server,
// harms itself at the most.
func TestLaneOfNoise(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	s := newServer(t)
	before := held(t)
	y := newBystander(t, s)
	for i := range 40 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			p := newProgram(t, s)
			p.t = t
			a, b, _ := pair(t, p)
			ma, mb := a.lane(), b.lane()
			a.try(proto.OpMap, 1, 0, nil)
			for range 30 {
				m := []memory{ma, mb}[r.IntN(2)]
				switch r.IntN(4) {
				case 0:
					m.put64([]int{proto.LaneUpTail, proto.LaneDownHead, proto.LaneUpHead, proto.LaneDownTail}[r.IntN(4)], r.Uint64()>>r.IntN(64))
				case 1:
					m.put64(r.IntN(1024/8)*8, r.Uint64())
				case 2:
					for range 1000 {
						m.b[r.IntN(len(m.b))] = byte(r.IntN(8))
					}
				case 3:
					m.put64(proto.LaneUpTail, m.get64(proto.LaneUpHead)+uint64(r.IntN(100))*proto.LaneUnit)
				}
				a.pad()
				b.pad()
				f := proto.Frame{Kind: proto.FrameSend, Length: 1000}
				_, _ = unix.Write(a.fd, append(proto.AppendFrame(nil, &f), make([]byte, 1000)...))
			}
		})
		y.isWell(t)
	}
	y.leave()
	nothingLeft(t, s, before)
	require.NotZero(t, s.Stats().Broken)
}

// TestLaneWithoutWord: a program that takes the bell and all that a full lane has, and dies before it
// says so, does not stop another that reads from the same socket.
func TestLaneWithoutWord(t *testing.T) {
	a, b, _ := pair(t, newProgram(t, newServer(t)))
	down := b.lane()
	go func() {
		for range 3000 { // more than the lane has room for; the last wait in the association
			f := proto.Frame{Kind: proto.FrameSend, Length: 1000}
			if _, err := unix.Write(a.fd, append(proto.AppendFrame(nil, &f), make([]byte, 1000)...)); err != nil {
				return
			}
		}
	}()
	full := func() bool { return binary.LittleEndian.Uint32(down.b[proto.LaneDownFull:]) != 0 }
	require.Eventually(t, full, within, time.Millisecond)
	_, err := unix.Read(b.fd, make([]byte, proto.FrameSize)) // the bell
	require.NoError(t, err)
	tail := down.get64(proto.LaneDownTail)
	down.put64(proto.LaneDownHead, tail/proto.LaneUnit<<17)
	require.Eventually(t, func() bool { return down.get64(proto.LaneDownTail) > tail }, within, time.Millisecond)
	b.wait(unix.POLLIN)
}
