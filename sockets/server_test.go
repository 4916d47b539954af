package sockets

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

func TestOneToOne(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	require.NotZero(t, client.status().State&proto.StateConnected)
	client.write(proto.Frame{Stream: 1, PPID: 0x01020304, Flags: proto.FlagSndInfo}, []byte("hello"))
	m := server.data()
	require.Equal(t, "hello", string(m.data))
	require.EqualValues(t, 1, m.Stream)
	require.EqualValues(t, 0x01020304, m.PPID)
	require.NotZero(t, m.Flags&proto.FlagEOR)
	server.write(proto.Frame{}, []byte("world"))
	require.Equal(t, "world", string(client.data().data))

	client.close()
	require.Zero(t, server.recv().Kind) // EOF
	require.Zero(t, server.do(proto.OpError, 0, 0, nil).Value)
	_, err := unix.Write(server.fd, proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameSend}))
	require.Equal(t, unix.EPIPE, err)
}
