package main

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sockets/shim"
)

func TestExecWithoutAProgramIsWrongUsage(t *testing.T) {
	o := trunkline(t, "exec")
	require.Equal(t, exitUsage, o.code)
	oneErrorLine(t, o)
}

func TestExecBecomesTheProgram(t *testing.T) {
	if _, err := shim.Library(); err != nil {
		o := trunkline(t, "exec", "true")
		require.Equal(t, exitFailed, o.code)
		require.Contains(t, o.err, "make build")
		return
	}
	socket := filepath.Join(t.TempDir(), "sockets")
	o := trunkline(t, "exec", "--socket", socket, "--", "true")
	require.Equal(t, exitFailed, o.code)
	oneErrorLine(t, o)
	require.Contains(t, o.err, "start `trunkline run`")

	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: socket, Net: "unixpacket"})
	require.NoError(t, err)
	defer l.Close()
	o = trunkline(t, "exec", "--socket", socket, "--", "sh", "-c", "echo $TRUNKLINE_SOCKET; case $LD_PRELOAD in *libtrunkline*) exit 7; esac")
	require.Equal(t, 7, o.code, "%s", o.err)
	require.Equal(t, socket+"\n", o.out)

	o = trunkline(t, "exec", "no-such-program-anywhere")
	require.Equal(t, exitFailed, o.code)
	oneErrorLine(t, o)
	require.Contains(t, o.err, "no-such-program-anywhere")
}
