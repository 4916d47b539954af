package pcap

import (
	"bufio"
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// TestFileReadsBack: gopacket finds in a file what was put there.
func TestFileReadsBack(t *testing.T) {
	var b bytes.Buffer
	f, err := NewFile(&b, Interface{Name: "east", Description: "net_ring", Filter: "port 7", SnapLen: 100},
		Interface{Name: "none", SnapLen: 64, RawIP: true})
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), f.Size())
	at := time.Date(2031, 2, 3, 4, 5, 6, 7, time.UTC)
	want := []Frame{
		{Time: at, Data: []byte{1, 2, 3}, Length: 200, Tx: true},
		{Interface: 1, Time: at.Add(1), Data: bytes.Repeat([]byte{0x45}, 40), Length: 40, Comment: "dropped: sctp_bad_tag"},
		{Time: at.Add(time.Hour), Length: 9},
	}
	for i := range want {
		require.NoError(t, f.Write(&want[i]))
	}
	require.Positive(t, f.Waiting())
	require.NoError(t, f.Statistics(1, &Statistics{Until: at, Received: 10, Accepted: 8, Dropped: 5, Delivered: 3, Comment: "the end"}))
	require.NoError(t, f.Flush())
	require.Zero(t, f.Waiting())
	require.EqualValues(t, b.Len(), f.Size())

	r, err := pcapgo.NewNgReader(&b, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	require.Equal(t, "trunkline", r.SectionInfo().Application)
	for _, w := range want {
		data, ci, o, err := r.ReadPacketDataWithOptions()
		require.NoError(t, err)
		require.Equal(t, w.Data, append([]byte(nil), data...))
		require.Equal(t, []int{w.Interface, w.Length, len(w.Data)}, []int{ci.InterfaceIndex, ci.Length, ci.CaptureLength})
		require.True(t, w.Time.Equal(ci.Timestamp), "%v %v", w.Time, ci.Timestamp)
		require.Equal(t, w.Tx, o.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound)
		require.NotEqual(t, w.Tx, o.Flags.Direction == pcapgo.NgEpbFlagDirectionInbound)
		require.Equal(t, w.Comment != "", len(o.Comments) == 1)
		if w.Comment != "" {
			require.Equal(t, w.Comment, o.Comments[0])
		}
	}
	_, _, err = r.ReadPacketData()
	require.Error(t, err)
	require.Equal(t, 2, r.NInterfaces())
	east, err := r.Interface(0)
	require.NoError(t, err)
	require.Equal(t, []any{"east", "net_ring", layers.LinkTypeEthernet, uint32(100)}, []any{east.Name, east.Description, east.LinkType, east.SnapLength})
	none, err := r.Interface(1)
	require.NoError(t, err)
	require.Equal(t, []any{"none", layers.LinkTypeRaw, uint32(64)}, []any{none.Name, none.LinkType, none.SnapLength})
	require.Equal(t, []any{uint64(10), uint64(5)}, []any{none.Statistics.PacketsReceived, none.Statistics.PacketsDropped})
}

func TestFileAllocatesNothing(t *testing.T) {
	var b bytes.Buffer
	f, err := NewFile(&b, Interface{Name: "a"})
	require.NoError(t, err)
	fr := Frame{Time: time.Unix(1, 2), Data: make([]byte, 1500), Length: 1500, Comment: "dropped: sctp_bad_tag"}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		b.Reset()
		require.NoError(t, f.Write(&fr))
	}))
}

// TestBlocksReadBack: what a copy of a File looks for is found, and a cut one is whole up to
// its last whole block.
func TestBlocksReadBack(t *testing.T) {
	var b bytes.Buffer
	f, err := NewFile(&b, Interface{Name: "a"}, Interface{Name: "b"})
	require.NoError(t, err)
	want := Statistics{Until: time.Unix(1_700_000_000, 123), Received: 1 << 40, Accepted: 4, Dropped: 3, Delivered: 2, Comment: "why"}
	require.NoError(t, f.Write(&Frame{Data: []byte{1}, Length: 1}))
	require.NoError(t, f.Statistics(1, &want))
	require.NoError(t, f.Flush())
	for cut := range b.Len() + 1 {
		r := bufio.NewReader(bytes.NewReader(b.Bytes()[:cut]))
		var block Block
		var kinds []string
		size := 0
		for {
			if block, err = ReadBlock(r, block); err != nil {
				break
			}
			size += len(block)
			i, s, ok := block.Statistics()
			switch {
			case block.IsInterface():
				kinds = append(kinds, "interface")
			case block.IsFrame():
				kinds = append(kinds, "frame")
			case ok:
				require.Equal(t, 1, i)
				require.Equal(t, want, s)
				kinds = append(kinds, "statistics")
			default:
				kinds = append(kinds, "section")
			}
		}
		whole := []string{"section", "interface", "interface", "frame", "statistics"}
		require.Equal(t, whole[:len(kinds)], append([]string{}, kinds...))
		if size == cut {
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
		require.Equal(t, cut == b.Len(), len(kinds) == len(whole))
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte{5, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{5, 0, 0, 0, 64, 0, 0, 0}, 8))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bufio.NewReader(bytes.NewReader(b))
		for {
			block, err := ReadBlock(r, nil)
			if err != nil {
				return
			}
			_, _, _ = block.Statistics()
		}
	})
}
