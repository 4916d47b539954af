package sockets

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// TestNothingIsAllocated per message, there or back.
func TestNothingIsAllocated(t *testing.T) {
	client, server, _ := pair(t, newProgram(t, newServer(t)))
	unix.SetNonblock(server.fd, false)
	frame := append(proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameSend, Length: 64}), make([]byte, 64)...)
	buf := make([]byte, 1000)
	exchange := func() {
		for range 10 {
			_, _ = unix.Write(client.fd, frame)
		}
		for range 10 {
			_, _ = unix.Read(server.fd, buf)
		}
	}
	exchange()
	require.Less(t, testing.AllocsPerRun(200, exchange), 5.0) // the runtime has its own
}
