package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// After shutdown a program reads on until the association has ended, however long that takes.
func TestReceiveAfterShutdown(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd, s := call(client, w.b.ips[0], server, l)
	client.do("events %s %d", fd, notifyAssocChange)
	for i := range w.b.ips {
		w.cut(i)
	}
	client.do("send %s last", fd)
	client.do("shutdown %s wr", fd)
	client.start("recv %s", fd)
	for i := range w.b.ips {
		w.heal(i)
	}
	require.Contains(t, server.do("recv %s", s), "data last")
	require.Equal(t, "eof", server.do("recv %s", s))
	end, err := client.reply()
	require.NoError(t, err)
	require.Contains(t, end, "ASSOC_CHANGE SHUTDOWN_COMP")
}

// What has come is read though its association has ended since, over one network only.
func TestReceiveAfterTheEnd(t *testing.T) {
	w := newWorld(t, quick)
	server, client := w.b.shell(t, "server"), w.a.shell(t, "client")
	l := serve(server, w.b.ips...)
	fd, s := call(client, w.b.ips[0], server, l)
	w.cut(0)
	for _, size := range []int{10, 20, 3000} {
		client.do("send %s x size=%d", fd, size)
	}
	client.do("close %s", fd)
	require.Eventually(t, func() bool { // not by the guard: SHUTDOWN ACKs come by the other network
		server.start("status %s", s)
		_, err := server.reply()
		return err != nil
	}, patience, 1e7)
	for _, size := range []string{"n=10 ", "n=20 ", "n=3000 "} {
		require.Contains(t, server.do("recv %s", s), size)
	}
	require.Equal(t, "eof", server.do("recv %s", s))
}
