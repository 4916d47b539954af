package sockets

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/sockets/proto"
)

// BenchmarkMessages sends messages from one socket to another over the loopback,
// through both data connections.
func BenchmarkMessages(b *testing.B) {
	for _, size := range []int{64, 1400, 8192, 65536} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			client, server, _ := pair(b, newProgram(b, newServer(b)))
			unix.SetNonblock(client.fd, false)
			unix.SetNonblock(server.fd, false)
			b.SetBytes(int64(size))
			b.ResetTimer()
			go func() {
				f := proto.Frame{Kind: proto.FrameSend, Length: uint32(size)}
				frame := append(proto.AppendFrame(nil, &f), make([]byte, size)...)
				for range b.N {
					if _, err := unix.Write(client.fd, frame); err != nil {
						return
					}
				}
			}()
			buf := make([]byte, proto.FrameSize+proto.PayloadMax)
			for got := 0; got < b.N*size; {
				n, err := unix.Read(server.fd, buf)
				if err != nil || n <= proto.FrameSize {
					b.Error(n, err)
					return
				}
				got += n - proto.FrameSize
			}
		})
	}
}

// BenchmarkRoundTrip is one message there and one back.
func BenchmarkRoundTrip(b *testing.B) {
	client, server, _ := pair(b, newProgram(b, newServer(b)))
	unix.SetNonblock(client.fd, false)
	unix.SetNonblock(server.fd, false)
	frame := append(proto.AppendFrame(nil, &proto.Frame{Kind: proto.FrameSend, Length: 64}), make([]byte, 64)...)
	go func() {
		buf := make([]byte, 1000)
		for {
			if n, err := unix.Read(server.fd, buf); err != nil || n == 0 {
				return
			}
			_, _ = unix.Write(server.fd, frame)
		}
	}()
	buf := make([]byte, 1000)
	for b.Loop() {
		if _, err := unix.Write(client.fd, frame); err != nil {
			b.Fatal(err)
		}
		if _, err := unix.Read(client.fd, buf); err != nil {
			b.Fatal(err)
		}
	}
}
