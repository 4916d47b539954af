package wire

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire/crc32c"
)

// The examples of RFC 3720, appendix B.4. The CRC's bytes are as they are sent.
func TestCRC32cVectors(t *testing.T) {
	up, down := make([]byte, 32), make([]byte, 32)
	for i := range up {
		up[i], down[i] = byte(i), byte(31-i)
	}
	for _, v := range []struct {
		name string
		data []byte
		sent string
	}{
		{"32 bytes of zeros", make([]byte, 32), "aa36918a"},
		{"32 bytes of ones", bytes.Repeat([]byte{0xff}, 32), "43aba862"},
		{"32 bytes incrementing", up, "4e79dd46"},
		{"32 bytes decrementing", down, "5cdb3f11"},
		{"an iSCSI SCSI Read (10) command PDU", unhex("01c00000 00000000 00000000 00000000 14000000 00000400 " +
			"00000014 00000018 28000000 00000000 02000000 00000000"), "563a96d9"},
	} {
		p := bytes.Clone(v.data)
		sent := unhex(v.sent)
		// With the checksum field zero, SCTP's checksum is the plain CRC of the bytes.
		clear(p[8:12])
		if bytes.Equal(p, v.data) {
			SetChecksum(p)
			require.Equal(t, sent, p[8:12], v.name)
			require.True(t, VerifyChecksum(p))
		}
		c := crc32c.Update(0, v.data)
		require.Equal(t, sent, []byte{byte(c), byte(c >> 8), byte(c >> 16), byte(c >> 24)}, v.name)
	}
}

// slowCRC is CRC32c bit by bit, from the polynomial alone.
func slowCRC(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			c = c>>1 ^ 0x82f63b78&-(c&1)
		}
	}
	return ^c
}

func TestChecksumOfEveryLength(t *testing.T) {
	p := make([]byte, 200)
	for i := range p {
		p[i] = byte(i*7 + 1)
	}
	for n := range p {
		b := bytes.Clone(p[:n])
		if n < CommonHeaderLen {
			require.Zero(t, Checksum(b))
			SetChecksum(b)
			require.Equal(t, p[:n], b)
			require.False(t, VerifyChecksum(b))
			continue
		}
		z := bytes.Clone(b)
		clear(z[8:12])
		require.Equal(t, slowCRC(z), Checksum(b))
		require.Equal(t, p[:n], b, "Checksum wrote to the packet")
		SetChecksum(b)
		require.Equal(t, slowCRC(z), Packet(b).Checksum())
		require.True(t, VerifyChecksum(b))
		for _, at := range []int{0, 7, 8, 11, n - 1} {
			b[at] ^= 0x10
			require.False(t, VerifyChecksum(b), "bit flip at %d of %d", at, n)
			b[at] ^= 0x10
		}
	}
}

// capturedPackets is an association of another implementation, packet by packet.
func capturedPackets(tb testing.TB) (list [][]byte) {
	tb.Helper()
	text, err := os.ReadFile("testdata/usrsctp.hex")
	require.NoError(tb, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, unhex(line))
		}
	}
	return list
}

func TestPacketsOfAnotherImplementation(t *testing.T) {
	var got []string
	for _, b := range capturedPackets(t) {
		require.True(t, VerifyChecksum(b))
		was := bytes.Clone(b)
		clear(b[8:12])
		require.False(t, VerifyChecksum(b))
		SetChecksum(b)
		require.Equal(t, was, b)
		w := newWalker(t)
		w.packet(b)
		p, err := ParsePacket(b)
		require.NoError(t, err)
		got = append(got, one(t, p.Chunks()).Type().String())
	}
	require.Equal(t, []string{"INIT", "INIT ACK", "COOKIE ECHO", "COOKIE ACK", "DATA", "SACK", "SHUTDOWN",
		"SHUTDOWN ACK", "SHUTDOWN COMPLETE"}, got)

	packets := capturedPackets(t)
	data, err := ParseData(one(t, Packet(packets[4]).Chunks()))
	require.NoError(t, err)
	require.Equal(t, "hello", string(data.UserData()))
	require.Equal(t, uint16(3), data.StreamID())
	require.Equal(t, uint32(7), data.PPID())
	init, err := ParseInit(one(t, Packet(packets[0]).Chunks()))
	require.NoError(t, err)
	require.Equal(t, init.InitialTSN(), data.TSN())
	require.Equal(t, init.InitiateTag(), Packet(packets[1]).VerificationTag())
	sack, err := ParseSack(one(t, Packet(packets[5]).Chunks()))
	require.NoError(t, err)
	require.Equal(t, data.TSN(), sack.CumulativeTSNAck())
	require.True(t, wellFormed(init.Params()))
}

func BenchmarkChecksum(b *testing.B) {
	for _, n := range []int{28, 100, 576, 1452, 8952} {
		p := packetOf(make([]byte, n-CommonHeaderLen))
		b.Run("verify/"+strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				VerifyChecksum(p)
			}
		})
		b.Run("set/"+strconv.Itoa(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				SetChecksum(p)
			}
		})
	}
}
