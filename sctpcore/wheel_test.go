package sctpcore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The wheel against a list: every node comes up in the first expire that reaches its
// tick and never before, nextDeadline is never late, and a node that is asked for at
// a later time stays where it is. What lies beyond the wheel's reach comes up at its
// end, for the owner to look and go to sleep again.
func TestWheelModel(t *testing.T) {
	spans := []Time{1, Millisecond, 30 * Millisecond, 40 * Millisecond, Second, 9 * Second, 3000 * Second, 700_000 * Second, 5_000_000 * Second}
	rapid.Check(t, func(t *rapid.T) {
		var w wheel
		const nodes = 12
		w.grow(nodes - 1)
		var due, up [nodes]int64 // ticks when it is due, 0 if not in the wheel, and when it is to come up
		now := Time(rapid.Int64Range(0, 1<<45).Draw(t, "start"))
		w.expire(now, nil)
		ask := func(k uint32, tick int64) {
			now := int64(now) >> wheelTickShift
			if due[k] == 0 || tick < up[k] {
				up[k] = min(tick, now+wheelMaxDelta)
			}
			if due[k] == 0 || tick < due[k] {
				due[k] = tick
			}
		}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			i := uint32(rapid.IntRange(0, nodes-1).Draw(t, "node"))
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				span := int64(rapid.SampledFrom(spans).Draw(t, "span"))
				at := now + Time(rapid.Int64Range(-span/4, span).Draw(t, "in"))
				if level := rapid.IntRange(0, wheelLevels).Draw(t, "begins"); level > 0 {
					// Where slots of several levels begin.
					shift := wheelTickShift + wheelBits*(level-1)
					at = (at>>shift + 1) << shift
				}
				w.schedule(i, at)
				ask(i, max(tickAfter(at), int64(now)>>wheelTickShift+1))
			case 2:
				w.remove(i)
				due[i] = 0
			case 3:
				if next := w.nextDeadline(); next != Never && rapid.Bool().Draw(t, "jump") {
					now = max(now, next)
				} else {
					now += Time(rapid.Int64Range(0, int64(rapid.SampledFrom(spans).Draw(t, "span"))).Draw(t, "pass"))
				}
				tick := int64(now) >> wheelTickShift
				for _, k := range w.expire(now, nil) {
					require.NotZero(t, due[k], "node %d came up twice or was removed", k)
					require.LessOrEqual(t, up[k], tick, "node %d came up early", k)
					at := due[k]
					due[k] = 0
					if at > tick {
						w.schedule(k, Time(at<<wheelTickShift))
						ask(k, at)
					}
				}
				for k, at := range up {
					require.True(t, due[k] == 0 || at > tick, "node %d did not come up", k)
				}
			}
			earliest := Never
			for k, at := range up {
				require.Equal(t, due[k] != 0, w.nodes[k].level >= 0, "node %d", k)
				if due[k] != 0 {
					earliest = min(earliest, Time(at<<wheelTickShift))
				}
			}
			require.LessOrEqual(t, w.nextDeadline(), earliest)
			if earliest == Never {
				require.Equal(t, Never, w.nextDeadline())
			}
		}
	})
}

// Nothing comes up before its time, at every distance that crosses a level.
func TestWheelIsNeverEarly(t *testing.T) {
	const tick = Time(1) << wheelTickShift
	for _, ticks := range []Time{1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 1<<24 - 1, 1 << 24, 1<<24 + 1, 1<<31 + 12345} {
		for _, start := range []Time{0, 1, 100, 255, 256, 65535, 1<<24 - 1, 1 << 30} {
			var w wheel
			w.grow(0)
			w.expire(start*tick, nil)
			at := (start + ticks) * tick
			w.schedule(0, at)
			steps := 0
			for {
				next := w.nextDeadline()
				require.LessOrEqual(t, next, at)
				if due := w.expire(next, nil); len(due) > 0 {
					require.Equal(t, at, next)
					require.Equal(t, []uint32{0}, due)
					break
				}
				steps++
				require.LessOrEqual(t, steps, wheelLevels)
			}
			require.Equal(t, Never, w.nextDeadline())
		}
	}
}

// Slots of several levels that begin at one tick all come up there.
func TestWheelSlotsBeginTogether(t *testing.T) {
	const tick = Time(1) << wheelTickShift
	for high := 1; high < wheelLevels; high++ {
		for low := range high {
			var w wheel
			w.grow(1)
			begin := Time(1) << (wheelBits * high) * tick
			w.expire(begin/2, nil)
			w.schedule(1, begin+begin/2)
			w.expire(begin-Time(1)<<(wheelBits*low)*tick, nil)
			w.schedule(0, begin)
			require.Equal(t, []int8{int8(low), int8(high)}, []int8{w.nodes[0].level, w.nodes[1].level})
			require.Equal(t, []uint32{0}, w.expire(begin, nil), "levels %d and %d", low, high)
			require.LessOrEqual(t, w.nextDeadline(), begin+begin/2)
			require.Equal(t, []uint32{1}, w.expire(begin+begin/2, nil))
		}
	}
}

// Nodes that share a slot are all kept, and taken out one by one.
func TestWheelSharedSlot(t *testing.T) {
	var w wheel
	w.grow(99)
	for i := range uint32(100) {
		w.schedule(i, Second)
	}
	for i := uint32(0); i < 100; i += 3 {
		w.remove(i)
		w.remove(i)
	}
	w.schedule(1, 2*Second)
	w.schedule(2, Never)
	due := w.expire(Second+2<<wheelTickShift, nil)
	slices.Sort(due)
	require.Len(t, due, 66)
	require.Equal(t, []uint32{1, 2, 4}, due[:3])
	require.Equal(t, Never, w.nextDeadline())
}
