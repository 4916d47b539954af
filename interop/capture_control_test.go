//go:build linux && cgo

package interop

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// hello is a DATA chunk of 5 bytes.
var hello = &layers.SCTPData{SCTPChunk: layers.SCTPChunk{Type: layers.SCTPChunkTypeData, Length: 21},
	BeginFragment: true, EndFragment: true, TSN: 7, PayloadProtocol: planPPID, Payload: []byte("hello")}

// gaps is a SACK for chunk 7 and two more, of which the first is so many after it.
func gaps(from byte) gopacket.Payload {
	return gopacket.Payload{3, 0, 0, 20, 0, 0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0, from, 0, from + 1}
}

// sctpFrame makes a frame with one chunk, good in everything.
func sctpFrame(t *testing.T, mac net.HardwareAddr, chunk gopacket.SerializableLayer) []byte {
	t.Helper()
	header := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolSCTP,
		SrcIP: ipv4.ours[0].Addr().AsSlice(), DstIP: ipv4.peer[0].Addr().AsSlice()}
	room := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	require.NoError(t, gopacket.SerializeLayers(room, options,
		&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}, EthernetType: layers.EthernetTypeIPv4},
		header, &layers.SCTP{SrcPort: 5001, DstPort: 5002, VerificationTag: 99}, chunk))
	return room.Bytes()
}

// writeCapture makes a capture file of one frame.
func writeCapture(t *testing.T, frame []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "control.pcapng")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	w, err := pcapgo.NewNgWriter(f, layers.LinkTypeEthernet)
	require.NoError(t, err)
	info := gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(frame), Length: len(frame)}
	require.NoError(t, w.WritePacket(info, frame))
	require.NoError(t, w.Flush())
	return name
}

// TestOraclesSeeFaults is the control of the two oracles: a good frame passes
// both, and each fault is seen by the one that it is meant for.
func TestOraclesSeeFaults(t *testing.T) {
	need(t)
	const ip, sctp, chunk = 14, 34, 46
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	cases := []struct {
		name             string
		spoil            func(frame []byte) []byte
		tshark, gopacket bool // finds it
	}{
		{"good", func(f []byte) []byte { return f }, false, false},
		{"user data changed", func(f []byte) []byte { f[chunk+16] ^= 1; return f }, true, true},
		{"CRC32c zero", func(f []byte) []byte { clear(f[sctp+8 : sctp+12]); return f }, true, true},
		{"IP checksum", func(f []byte) []byte { f[ip+10] ^= 1; return f }, true, false},
		{"chunk longer than packet", func(f []byte) []byte { f[chunk+3] = 200; return f }, true, true},
		{"padding not zero", func(f []byte) []byte { f[chunk+21] = 1; return f }, true, true},
		{"SACK with a gap", func([]byte) []byte { return sctpFrame(t, mac, gaps(2)) }, false, false},
		{"SACK of what is missing", func([]byte) []byte { return sctpFrame(t, mac, gaps(1)) }, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := writeCapture(t, c.spoil(sctpFrame(t, mac, hello)))
			require.Equal(t, c.tshark, tsharkFaults(t, file) != "", "tshark finds a fault")
			s, err := decodeSent(file, []net.HardwareAddr{mac})
			require.Equal(t, c.gopacket, err != nil, "gopacket finds a fault: %v", err)
			require.Equal(t, 1, s.packets)
		})
	}
}
