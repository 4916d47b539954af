//go:build linux && cgo

package interop

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// expectedDrops are the drop counters that may move in a run where nothing is
// broken, and why. Any other that does is a fault of one of the two stacks.
var expectedDrops = map[string]string{
	"inet_dest_multicast":    "the peer's kernel looks for IPv6 neighbours and routers",
	"sctp_duplicate_tsn":     "usrsctp's T3-rtx expired since it was slow to look at our SACK, or lost it",
	"sctp_no_receive_buffer": "usrsctp filled a small window with chunks that take more memory than their bytes",
	"sctp_old_sack":          "usrsctp's SACKs come over both networks and cross",
	"sctp_bad_heartbeat_ack": "usrsctp answered a heartbeat after its time was over",
}

// compareCounters holds both ends' counters and the kernel's against each
// other: each packet that one end sent was taken by the other or is counted where
// it was lost, and nothing was sent again without need.
func compareCounters(t *testing.T, ours *side, stack line) {
	t.Helper()
	core := ours.dp.Stats().Core
	t.Logf("peer: %s", stack.text)
	missed := uint64(0)
	for _, port := range ours.ports {
		s := port.Stats()
		missed += s.RxMissed
		require.Zero(t, s.RxErrors+s.TxErrors+s.RxNoBuffer, "port %s: %+v", port.Info().Name, s)
	}
	lost := stack.number("raw_drops")
	t.Logf("packets: we sent %d, usrsctp took %d, its full raw sockets lost %d; usrsctp sent %d, we took %d, our full receive rings lost %d",
		core.OutSCTPPacks, stack.number("in"), lost, stack.number("out"), core.InSCTPPacks, missed)
	// Where an end was asked for again, the second answer comes to who has forgotten the association, or counts no more.
	endedAtOnce := core.T2ShutdownExpireds == 0 && stack.number("end_timer") == 0
	if endedAtOnce {
		require.Equal(t, core.OutSCTPPacks, stack.number("in")+lost, "packets that we sent")
		require.Equal(t, stack.number("out"), core.InSCTPPacks+missed, "packets that usrsctp sent")
	}
	for _, drop := range ours.dp.Drops() {
		if drop.Count == 0 {
			continue
		}
		why, expected := expectedDrops[drop.Name]
		t.Logf("drop %s: %d (%s)", drop.Name, drop.Count, why)
		if !expected {
			t.Errorf("%d of %s: %s", drop.Count, drop.Name, drop.Help)
		}
	}
	require.Zero(t, stack.number("badsum"), "packets of ours that usrsctp found corrupted")
	if endedAtOnce {
		require.Zero(t, stack.number("badvtag")+stack.number("blue"), "packets of ours that usrsctp could not place")
	}
	// A probe of its closed window is sent again when the window opens, though it may be under way.
	if core.T3RtxExpireds == 0 {
		require.LessOrEqual(t, stack.number("duplicates"), core.WindowProbes, "chunks that we sent again and usrsctp had")
	}
	if core.T3RtxExpireds == 0 && lost == 0 && missed == 0 {
		require.LessOrEqual(t, core.RetransmittedChunks, core.WindowProbes, "chunks that we sent again though nothing was lost")
	}
}
