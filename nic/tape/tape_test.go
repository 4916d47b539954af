package tape

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trunkline-sctp/trunkline/nic"
)

func TestRecordsKeepEveryField(t *testing.T) {
	for _, want := range []Record{
		{-5, 1 << 20, 65535, nic.RxSCTPChecksumBad | nic.TxIPv6, 255, 254, true, 65534, [4]uint8{1, 2, 3, 255}},
		{Time: 1, Length: 3, Kept: 2},
	} {
		b := bytes.Repeat([]byte{0xa5}, HeaderLen)
		want.put(b)
		require.Equal(t, want, parse(b))
	}
}

// TestLanesAgainstModel: what comes out of several lanes is what was committed and
// fitted, in the order of time.
func TestLanesAgainstModel(t *testing.T) {
	type kept struct {
		time int64
		data string
	}
	rapid.Check(t, func(t *rapid.T) {
		const snap = 50
		lanes := []*Lane{NewLane(snap, 1), NewLane(snap, 1), NewLane(snap, 1)}
		m := NewMerge(lanes...)
		now := int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "turns") {
			var want []kept
			room := m.sources[0].lane.ring.Cap()
			used := make([]int, len(lanes))
			for range rapid.IntRange(0, 8).Draw(t, "bursts") {
				i := rapid.IntRange(0, len(lanes)-1).Draw(t, "lane")
				l, burst, fits := lanes[i], rapid.IntRange(0, nic.MaxBurst).Draw(t, "burst"), []kept{}
				for range burst {
					now++
					data := bytes.Repeat([]byte{byte(now)}, rapid.IntRange(0, 2*snap).Draw(t, "length"))
					l.Stage(Record{Time: now}, data)
					fits = append(fits, kept{now, string(data[:min(len(data), snap)])})
				}
				require.Equal(t, burst, l.Staged())
				n := rapid.IntRange(0, burst).Draw(t, "taken")
				taken := 0
				for taken < n && used[i]+HeaderLen+len(fits[taken].data) <= room {
					used[i] += HeaderLen + len(fits[taken].data)
					taken++
				}
				require.Equal(t, n-taken, l.Commit(n))
				require.Zero(t, l.Staged())
				want = append(want, fits[:taken]...)
			}
			var got []kept
			waiting := m.Waiting()
			for r, frame, ok := m.Next(); ok; r, frame, ok = m.Next() {
				require.Len(t, frame, r.Kept)
				require.Equal(t, min(r.Length, snap), r.Kept)
				waiting -= HeaderLen + r.Kept
				got = append(got, kept{r.Time, string(frame)})
			}
			require.Equal(t, want, got)
			require.Zero(t, waiting)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	l := NewLane(1514, 1)
	m := NewMerge(l)
	frame := make([]byte, 1514)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for range nic.MaxBurst {
			l.Stage(Record{}, frame)
		}
		require.Zero(t, l.Commit(nic.MaxBurst))
		for range nic.MaxBurst {
			_, _, ok := m.Next()
			require.True(t, ok)
		}
	}))
}
