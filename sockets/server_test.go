package sockets

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOneToOne(t *testing.T) {
	p := newProgram(t, newServer(t))
	client, server, _ := pair(t, p)
	require.NotZero(t, client.status().State&StateConnected)
	client.write(Frame{Stream: 1, PPID: 0x01020304, Flags: FlagSndInfo}, []byte("hello"))
	m := server.data()
	require.Equal(t, "hello", string(m.data))
	require.EqualValues(t, 1, m.Stream)
	require.EqualValues(t, 0x01020304, m.PPID)
	require.NotZero(t, m.Flags&FlagEOR)
	server.write(Frame{}, []byte("world"))
	require.Equal(t, "world", string(client.data().data))

	client.close()
	require.Zero(t, server.recv().Kind) // EOF
	require.Zero(t, server.do(OpError, 0, 0, nil).Value)
	_, err := unix.Write(server.fd, AppendFrame(nil, &Frame{Kind: FrameSend}))
	require.Equal(t, unix.EPIPE, err)
}
