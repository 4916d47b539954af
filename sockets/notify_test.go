package sockets

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// everything subscribes to all notifications.
func (k *sock) everything() {
	events := make([]byte, snEnd-snDataIO)
	for i := range events {
		events[i] = 1
	}
	events[snSenderDry-snDataIO] = 0
	k.set(optEvents, events)
}

// until skips other notifications.
func (k *sock) until(sn int) []byte {
	k.p.t.Helper()
	for {
		r := k.recv()
		require.Equal(k.p.t, proto.FrameNotification, r.Kind, "%+v", r.Frame)
		if int(binary.LittleEndian.Uint16(r.data)) == sn {
			return r.data
		}
	}
}

func TestNotificationsOfALife(t *testing.T) {
	p := newProgram(t, newServer(t))
	listener, client := p.socket(unix.AF_INET, unix.SOCK_STREAM), p.socket(unix.AF_INET, unix.SOCK_STREAM)
	to := listener.bound()
	listener.everything()
	listener.set(optAdaptationLayer, i32(77))
	client.everything()
	listener.do(proto.OpListen, 1, 0, nil)
	require.Zero(t, client.connect(at(to)))
	server, _ := listener.accept()

	for _, k := range []*sock{client, server} {
		up := decode[assocChange](k.until(snAssocChange))
		require.EqualValues(t, sacCommUp, up.State)
		require.EqualValues(t, 10, up.OutStreams)
		require.EqualValues(t, 10, up.InStreams)
		require.NotZero(t, up.AssocID)
	}
	require.EqualValues(t, 77, decode[adaptationEvent](client.until(snAdaptation)).Adaptation)

	server.write(proto.Frame{}, []byte("data"))
	require.Zero(t, server.do(proto.OpShutdown, unix.SHUT_WR, 0, nil).Error)
	for r := client.recv(); ; r = client.recv() { // the path may be confirmed meanwhile
		if r.Kind == proto.FrameData {
			require.Equal(t, "data", string(r.data))
			break
		}
	}
	client.until(snShutdownEvent)
	for _, k := range []*sock{client, server} {
		require.EqualValues(t, sacShutdownComp, decode[assocChange](k.until(snAssocChange)).State)
		require.Zero(t, k.recv().Kind) // EOF
		require.Zero(t, k.do(proto.OpError, 0, 0, nil).Value)
		require.NotZero(t, k.status().State&proto.StateEnded)
	}
}

func TestNotificationsOfAnAbort(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	server.everything()
	client.do(proto.OpSetOpt, solSocket, unix.SO_LINGER, append(i32(1), i32(0)...))
	client.close()
	b := server.until(snAssocChange)
	require.EqualValues(t, sacCommLost, decode[assocChange](b).State)
	require.Equal(t, []byte{6}, b[20:21], "sac_info is the ABORT chunk")
	require.Zero(t, server.recv().Kind)
	require.EqualValues(t, unix.ECONNRESET, server.do(proto.OpError, 0, 0, nil).Value)
}

// TestRefused: connecting to a port where nobody listens.
func TestRefused(t *testing.T) {
	p := newProgram(t, newServer(t))
	one := p.socket(unix.AF_INET, unix.SOCK_STREAM)
	one.everything()
	require.Equal(t, unix.ECONNREFUSED, one.connect(sockaddr("127.0.0.1:9")))
	require.EqualValues(t, sacCantStart, decode[assocChange](one.until(snAssocChange)).State)
	require.Zero(t, one.do(proto.OpError, 0, 0, nil).Value) // the waiter told it

	one.fails(unix.EINPROGRESS, proto.OpConnect, 0, 0, sockaddr("127.0.0.1:9"))
	require.EqualValues(t, sacCantStart, decode[assocChange](one.until(snAssocChange)).State)
	require.Eventually(t, func() bool {
		return unix.Errno(one.do(proto.OpError, 0, 0, nil).Value) == unix.ECONNREFUSED
	}, within, 1e6)

	many := p.socket(unix.AF_INET, unix.SOCK_SEQPACKET)
	many.everything()
	require.Zero(t, many.check(named(netipPort("127.0.0.1:9")), 4).Error)
	many.write(named(netipPort("127.0.0.1:9")), []byte("lost"))
	require.EqualValues(t, sacCantStart, decode[assocChange](many.until(snAssocChange)).State)
	b := many.until(snSendFailed)
	require.Equal(t, "lost", string(b[48:]))
	b = many.until(snSendFailedEvent)
	require.Equal(t, "lost", string(b[32:]))
	require.Zero(t, decode[sendFailedEvent](b).Flags) // SCTP_DATA_UNSENT
}

// TestSenderDry is told at once to who asks, and after each message.
func TestSenderDry(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	client.set(optEvent, encode(&eventChoice{Type: snSenderDry, On: 1}))
	client.until(snSenderDry)
	client.write(proto.Frame{}, []byte("x"))
	server.data()
	client.until(snSenderDry)
}

// TestSubscribedTooLate: who subscribes after accept is not told that it came up.
func TestSubscribedTooLate(t *testing.T) {
	p := newProgram(t, newServer(t))
	for range 30 {
		client, server, listener := pair(t, p)
		server.everything()
		client.write(proto.Frame{}, []byte("x"))
		for r := server.recv(); r.Kind != proto.FrameData; r = server.recv() {
			require.NotEqual(t, uint16(snAssocChange), decode[assocChange](r.data).Type)
		}
		for _, k := range []*sock{client, server, listener} {
			k.close()
		}
	}
}
