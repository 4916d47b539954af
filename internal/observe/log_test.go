package observe

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLogKeepsTheLatest(t *testing.T) {
	l := newLog()
	f := l.Follow(0)
	var out [10]Event
	require.Zero(t, f.Poll(out[:]))
	for i := range maxEvents + 5 {
		l.Add(Event{Kind: KindDaemon, Why: fmt.Sprint(i)})
	}
	require.Equal(t, 10, f.Poll(out[:]))
	require.Equal(t, []any{KindMissed, uint64(5), uint64(0)}, []any{out[0].Kind, out[0].Count, out[0].Seq})
	require.Equal(t, out[1].Time, out[0].Time)
	for i, e := range out[1:] {
		require.Equal(t, []any{uint64(6 + i), fmt.Sprint(5 + i)}, []any{e.Seq, e.Why})
	}
	// From the middle, from the end, from another life of the daemon.
	for _, c := range []struct{ since, first uint64 }{{maxEvents, maxEvents + 1}, {l.Last() + 1, 6}} {
		f := l.Follow(c.since)
		require.Positive(t, f.Poll(out[:]))
		require.Equal(t, c.first, out[0].Seq)
	}
	f = l.Follow(l.Last())
	require.Zero(t, f.Poll(out[:]))
	require.Zero(t, f.Poll(nil))
	l.Add(Event{})
	require.Equal(t, 1, f.Poll(out[:]))
	require.False(t, out[0].Time.IsZero())
}

func TestFollowerWaits(t *testing.T) {
	l := newLog()
	f := l.Follow(0)
	var out [4]Event
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := f.Next(ctx, out[:])
	require.ErrorIs(t, err, context.Canceled)
	l.Add(Event{Kind: KindUp})
	l.close()
	l.Add(Event{Kind: KindDown})
	n, err := f.Next(context.Background(), out[:])
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = f.Next(context.Background(), out[:])
	require.ErrorIs(t, err, io.EOF)
}

// Followers, quick and slow, see each event once and in order, or are told how many they
// missed; writers wait for none of them.
func TestManyFollowers(t *testing.T) {
	const writers, each, total = 4, 5000, 4 * 5000
	l := newLog()
	var followers, writing sync.WaitGroup
	for i := range 8 {
		f := l.Follow(0)
		followers.Add(1)
		go func() {
			defer followers.Done()
			out := make([]Event, 1+i*37)
			seen := uint64(0)
			for {
				n, err := f.Next(context.Background(), out)
				if err != nil {
					break
				}
				for _, e := range out[:n] {
					seen++
					if e.Kind == KindMissed {
						seen += e.Count - 1
					} else if e.Seq != seen {
						t.Errorf("follower %d: event %d where %d was due", i, e.Seq, seen)
						return
					}
				}
				if i%2 == 1 {
					time.Sleep(time.Millisecond)
				}
			}
			if seen != total {
				t.Errorf("follower %d saw %d", i, seen)
			}
		}()
	}
	for range writers {
		writing.Add(1)
		go func() {
			defer writing.Done()
			for range each {
				l.Add(Event{Kind: KindPathState})
			}
		}()
	}
	writing.Wait()
	l.close()
	followers.Wait()
}

// What an Observer cannot take in time it says that it missed.
func TestBurstIsBounded(t *testing.T) {
	r := newRig(t, 1)
	r.dial()
	r.drain()
	for range feedRoom { // each time the path goes and comes
		require.NoError(t, r.wires[0][0].SetLink(false))
		r.run(2 * time.Millisecond)
		require.NoError(t, r.wires[0][0].SetLink(true))
		r.run(2 * time.Millisecond)
	}
	missed := r.o.feed.Dropped()
	require.Positive(t, missed)
	f := r.o.Log().Follow(0)
	r.o.done.Add(1)
	go r.o.follow()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	told, out := uint64(0), make([]Event, 100)
	for told < missed {
		n, err := f.Next(ctx, out)
		require.NoError(t, err)
		for _, e := range out[:n] {
			if e.Kind == KindMissed && e.Seq != 0 {
				told += e.Count
			}
		}
	}
	require.Equal(t, missed, told)
}

func BenchmarkLogAdd(b *testing.B) {
	l := newLog()
	e := Event{Kind: KindPathState, Time: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		l.Add(e)
	}
}
