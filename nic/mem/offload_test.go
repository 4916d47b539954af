package mem

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
)

// sctpFrame is IPv4 with SCTP and one chunk, checksums zero.
func sctpFrame(t *testing.T, p *Port) *nic.Packet {
	pkt := frames(t, p, 14+20+12+8)[0]
	d := pkt.Data()
	copy(d[12:], []byte{0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 132})
	copy(d[26:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	copy(d[46:], []byte{0, 3, 0, 8})
	return pkt
}

func through(t *testing.T, a, b *Port, pkt *nic.Packet) (flags nic.Flags, checksum []byte) {
	t.Helper()
	require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{pkt}))
	got := make([]*nic.Packet, 1)
	require.Equal(t, 1, b.RxBurst(0, got))
	defer nic.Free(got)
	require.Zero(t, got[0].L2Len)
	return got[0].Flags, append([]byte{}, got[0].Data()[42:46]...)
}

func TestChecksumOffload(t *testing.T) {
	const want = nic.TxIPv4 | nic.TxSCTPChecksum | nic.TxIPChecksum
	all := nic.Capabilities{TxSCTPChecksum: true, TxIPChecksum: true, RxSCTPChecksum: true, RxIPChecksum: true}
	a, b := NewPair(Options{A: Side{Caps: all}, B: Side{Caps: all}})
	announced := all
	announced.LinkInterrupt = true
	require.Equal(t, announced, a.Info().Caps)

	pkt := sctpFrame(t, a)
	pkt.Flags, pkt.L2Len, pkt.L3Len = want, 14, 20
	flags, _ := through(t, a, b, pkt)
	require.Equal(t, nic.RxSCTPChecksumGood|nic.RxIPChecksumGood, flags)

	flags, _ = through(t, a, b, sctpFrame(t, a))
	require.Equal(t, nic.RxSCTPChecksumBad|nic.RxIPChecksumBad, flags, "nothing was asked for")

	pkt = sctpFrame(t, a)
	pkt.Flags, pkt.L2Len, pkt.L3Len = want, 14, 60
	require.Equal(t, 1, a.TxBurst(0, []*nic.Packet{pkt}))
	require.EqualValues(t, 1, a.Stats().TxErrors, "lengths beyond the frame")
	closePair(t, a, b)
}

func TestOffloadThatIsNotAnnouncedIsNotDone(t *testing.T) {
	a, b := NewPair(Options{})
	pkt := sctpFrame(t, a)
	pkt.Flags, pkt.L2Len, pkt.L3Len = nic.TxIPv4|nic.TxSCTPChecksum, 14, 20
	flags, checksum := through(t, a, b, pkt)
	require.Zero(t, flags)
	require.Equal(t, make([]byte, 4), checksum)
	closePair(t, a, b)
}

func TestAssumedChecksums(t *testing.T) {
	caps := nic.Capabilities{TxSCTPChecksum: true, RxSCTPChecksum: true}
	a, b := NewPair(Options{AssumeChecksums: true, A: Side{Caps: caps}, B: Side{Caps: caps}})
	pkt := sctpFrame(t, a)
	pkt.Flags, pkt.L2Len, pkt.L3Len = nic.TxIPv4|nic.TxSCTPChecksum, 14, 20
	flags, checksum := through(t, a, b, pkt)
	require.Equal(t, nic.RxSCTPChecksumGood, flags)
	require.Equal(t, make([]byte, 4), checksum)
	closePair(t, a, b)
}
