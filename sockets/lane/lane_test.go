package lane

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

const ringSize = 512 << 10

func newLane(t testing.TB) *Lane {
	l, err := New(ringSize)
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// program is the other side of a lane, as preload/lane_write.c and lane_read.c are.
type program struct{ l *Lane }

func up(n int) uint64 { return uint64(n+proto.LaneUnit-1) / proto.LaneUnit * proto.LaneUnit }

// send puts a message into the ring up; false if it is full.
func (p program) send(payload []byte) bool {
	u := &p.l.Up
	tail, size := u.tail.Load(), uint64(len(u.ring))
	need := up(proto.FrameSize + len(payload))
	at, skip := tail%size, uint64(0)
	if size-at < need {
		skip = size - at
	}
	if tail+skip+need-u.head.Load() > size {
		return false
	}
	if skip > 0 {
		u.ring[at] = byte(proto.FramePad)
		at = 0
	}
	f := proto.Frame{Kind: proto.FrameSend, Length: uint32(len(payload))}
	copy(u.ring[at:], append(proto.AppendFrame(nil, &f), payload...))
	u.tail.Store(tail + skip + need)
	return true
}

// recv takes a message from the ring down; nil if there is none.
func (p program) recv(t testing.TB) []byte {
	d := &p.l.Down
	for {
		at := d.head.Load() >> headShift * proto.LaneUnit
		if at == d.tail.Load() {
			return nil
		}
		rest := d.ring[at%uint64(len(d.ring)):]
		if proto.FrameKind(rest[0]) == proto.FramePad {
			d.head.Store((at + uint64(len(rest))) / proto.LaneUnit << headShift)
			continue
		}
		var f proto.Frame
		require.NoError(t, f.DecodeHeader(rest))
		payload := append([]byte{}, rest[proto.FrameSize:][:f.Length]...)
		d.head.Store((at + up(proto.FrameSize+len(payload))) / proto.LaneUnit << headShift)
		return payload
	}
}

func fill(r *rand.Rand, b []byte) []byte {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// message is of any length, short ones more often.
func message(r *rand.Rand) []byte {
	return fill(r, make([]byte, 1+r.IntN(1+r.IntN(proto.PayloadMax))))
}

func TestUp(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	l := newLane(t)
	p := program{l}
	var sent [][]byte
	for range 2000 {
		if m := message(r); r.IntN(2) == 0 && p.send(m) {
			sent = append(sent, m)
			continue
		}
		var f proto.Frame
		payload, ok, err := l.Up.Next(&f)
		require.NoError(t, err)
		require.Equal(t, len(sent) > 0, ok)
		if ok {
			require.Equal(t, sent[0], payload)
			l.Up.Take()
			sent = sent[1:]
		}
	}
}

func TestDown(t *testing.T) {
	const seed = 6
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	l := newLane(t)
	p := program{l}
	var sent [][]byte
	full := 0
	for range 5000 {
		slot, err := l.Down.Slot()
		require.NoError(t, err)
		if slot == nil {
			full++
		}
		if slot != nil && r.IntN(5) > 1 {
			m := message(r)
			f := proto.Frame{Kind: proto.FrameData, Length: uint32(len(m))}
			copy(slot, append(proto.AppendFrame(nil, &f), m...))
			l.Down.Commit(proto.FrameSize + len(m))
			sent = append(sent, m)
			l.Down.Publish()
			continue
		}
		require.Equal(t, len(sent) > 0, l.Down.Unread())
		got := p.recv(t)
		if len(sent) == 0 {
			require.Nil(t, got)
			continue
		}
		require.Equal(t, sent[0], got)
		sent = sent[1:]
	}
	require.NotZero(t, full)
}

// TestWords: who sleeps, waits or has ended finds out, whichever side is first.
func TestWords(t *testing.T) {
	l := newLane(t)
	p := program{l}
	require.True(t, l.Up.Sleep())
	require.EqualValues(t, 1, l.Up.sleeping.Load())
	require.True(t, p.send([]byte("x")))
	require.False(t, l.Up.Sleep(), "there is something")
	require.Zero(t, l.Up.sleeping.Load())

	l.Up.full.Store(1)
	require.True(t, l.Up.Lift())
	require.False(t, l.Up.Lift(), "once")

	require.True(t, l.Up.End())
	require.True(t, p.send([]byte("too late")))
	var f proto.Frame
	_, ok, err := l.Up.Next(&f)
	require.NoError(t, err)
	require.True(t, ok)
	l.Up.Take()
	require.False(t, l.Up.End())

	require.True(t, l.Down.Ring())
	require.False(t, l.Down.Ring())
}

// TestSealed: who could make the memory smaller could end the server.
func TestSealed(t *testing.T) {
	l := newLane(t)
	require.Error(t, unix.Ftruncate(l.File(), 0))
	require.Error(t, unix.Ftruncate(l.File(), 1<<30))
	_, err := unix.FcntlInt(uintptr(l.File()), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
	require.Error(t, err)
	_, err = New(1000)
	require.Error(t, err)
}

func TestCorruptDown(t *testing.T) {
	for _, head := range []uint64{1 << headShift, 1 << 63, 1<<64 - 1} {
		l := newLane(t)
		l.Down.head.Store(head)
		for range 20 { // it is looked at when the ring seems full
			slot, err := l.Down.Slot()
			if err != nil {
				require.ErrorIs(t, err, ErrCorrupt)
				break
			}
			require.NotNil(t, slot)
			l.Down.Commit(len(slot))
		}
	}
}

// FuzzUp: whatever the program writes into the memory, what is read lies in it, and ends.
func FuzzUp(f *testing.F) {
	f.Add(uint64(proto.LaneUnit*3), uint64(0), []byte{byte(proto.FrameSend), 0, 0, 0, 10})
	f.Add(uint64(ringSize), uint64(64), []byte{byte(proto.FramePad)})
	f.Add(uint64(1)<<63, uint64(1), []byte{7, 255, 255, 255, 255, 255, 255})
	l, err := New(ringSize)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, tail, begin uint64, ring []byte) {
		u := l.Up
		u.at = begin % (1 << 40) / proto.LaneUnit * proto.LaneUnit
		u.seen = u.at
		for i := range u.ring {
			u.ring[i] = 0
		}
		for i := range ring { // repeated, so that many records are made of it
			for j := 0; j < 3; j++ {
				u.ring[(u.at+uint64(i+j*len(ring)))%ringSize] = ring[i]
			}
		}
		u.tail.Store(tail)
		for range ringSize/proto.LaneUnit + 1 {
			var f proto.Frame
			payload, ok, err := u.Next(&f)
			if err != nil || !ok {
				return
			}
			require.Len(t, payload, int(f.Length))
			before := u.at
			u.Take()
			require.Greater(t, u.at, before)
			require.LessOrEqual(t, u.at, tail)
		}
		t.Fatal("more records than the ring has room for")
	})
}

func TestNothingIsAllocated(t *testing.T) {
	l := newLane(t)

	frame := proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameSend, Length: 64})
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		slot, _ := l.Down.Slot()
		copy(slot, frame)
		l.Down.Commit(len(frame) + 64)
		l.Down.Publish()
		l.Down.head.Store(l.Down.at / proto.LaneUnit << headShift)

		at := l.Up.tail.Load()
		copy(l.Up.ring[at%ringSize:], frame)
		l.Up.tail.Store(at + up(len(frame)+64))
		var f proto.Frame
		_, _, _ = l.Up.Next(&f)
		l.Up.Take()
	}))
}

func BenchmarkDown(b *testing.B) {
	l := newLane(b)
	frame := append(proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameData, Length: 1400}), make([]byte, 1400)...)
	b.SetBytes(1400)
	for b.Loop() {
		slot, err := l.Down.Slot()
		if err != nil || slot == nil {
			b.Fatal("full")
		}
		l.Down.Commit(copy(slot, frame))
		l.Down.Publish()
		l.Down.head.Store(l.Down.at / proto.LaneUnit << headShift)
	}
}
