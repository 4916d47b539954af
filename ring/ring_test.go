package ring

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// queue is what both rings are, for the tests that hold for both.
type queue[T any] interface {
	Push([]T) int
	Pop([]T) int
	Len() int
	Cap() int
}

func kinds[T any]() map[string]func(int) queue[T] {
	return map[string]func(int) queue[T]{
		"SPSC": func(n int) queue[T] { return NewSPSC[T](n) },
		"MPSC": func(n int) queue[T] { return NewMPSC[T](n) },
	}
}

func forKinds[T any](t *testing.T, f func(t *testing.T, mk func(int) queue[T])) {
	for name, mk := range kinds[T]() {
		t.Run(name, func(t *testing.T) { f(t, mk) })
	}
}

func TestCapacityIsRoundedUp(t *testing.T) {
	forKinds(t, func(t *testing.T, mk func(int) queue[byte]) {
		for want, asked := range map[int][]int{1: {1}, 2: {2}, 4: {3, 4}, 8: {5, 8}, 1024: {513, 1023, 1024}} {
			for _, n := range asked {
				require.Equal(t, want, mk(n).Cap(), "asked for %d", n)
			}
		}
		for _, n := range []int{0, -1, MaxCapacity + 1} {
			require.Panics(t, func() { mk(n) }, "capacity %d", n)
		}
	})
	require.Equal(t, MaxCapacity, roundUp(MaxCapacity))
}

func TestAgainstModel(t *testing.T) {
	forKinds(t, func(t *testing.T, mk func(int) queue[int]) {
		rapid.Check(t, func(t *rapid.T) {
			q := mk(rapid.IntRange(1, 33).Draw(t, "capacity"))
			var model []int
			next := 0
			burst := rapid.IntRange(0, q.Cap()+3)
			t.Repeat(map[string]func(*rapid.T){
				"push": func(t *rapid.T) {
					v := make([]int, burst.Draw(t, "n"))
					for i := range v {
						v[i] = next + i
					}
					n := q.Push(v)
					require.Equal(t, min(len(v), q.Cap()-len(model)), n)
					model = append(model, v[:n]...)
					next += n
				},
				"pop": func(t *rapid.T) {
					v := make([]int, burst.Draw(t, "n"))
					n := q.Pop(v)
					require.Equal(t, min(len(v), len(model)), n)
					require.Equal(t, append([]int{}, model[:n]...), v[:n])
					model = model[n:]
				},
				"": func(t *rapid.T) { require.Equal(t, len(model), q.Len()) },
			})
		})
	})
}

func TestFullAndEmpty(t *testing.T) {
	forKinds(t, func(t *testing.T, mk func(int) queue[int]) {
		q := mk(4)
		v := make([]int, 8)
		require.Zero(t, q.Pop(v))
		require.Equal(t, 4, q.Push([]int{1, 2, 3, 4, 5}))
		require.Zero(t, q.Push([]int{6}))
		require.Zero(t, q.Push(nil))
		require.Zero(t, q.Pop(nil))
		require.Equal(t, 4, q.Pop(v))
		require.Equal(t, []int{1, 2, 3, 4}, v[:4])
		require.Zero(t, q.Pop(v))
	})
}

// TestIndicesWrap runs positions over the end of uint64 for SPSC. MPSC's
// positions may not wrap (see its doc); at 10^9 per second that is 584 years.
func TestIndicesWrap(t *testing.T) {
	r := NewSPSC[int](4)
	start := ^uint64(0) - 5
	r.tail.Store(start)
	r.head.Store(start)
	r.seenHead, r.seenTail = start, start
	v := make([]int, 3)
	for i := range 10 {
		require.Equal(t, 3, r.Push([]int{3 * i, 3*i + 1, 3*i + 2}))
		require.Equal(t, 3, r.Len())
		require.Equal(t, 3, r.Pop(v))
		require.Equal(t, []int{3 * i, 3*i + 1, 3*i + 2}, v)
	}
}

func TestPoppedSlotsKeepNothingAlive(t *testing.T) {
	t.Run("SPSC", func(t *testing.T) {
		r := NewSPSC[*int](4)
		passThrough(t, r)
		require.Equal(t, make([]*int, 4), r.slots)
	})
	t.Run("MPSC", func(t *testing.T) {
		r := NewMPSC[*int](4)
		passThrough(t, r)
		require.Equal(t, make([]*int, 4), r.slots)
	})
}

func passThrough(t *testing.T, q queue[*int]) {
	v := make([]*int, 3)
	for i := range 5 { // 3 into 4 slots: runs wrap
		require.Equal(t, 3, q.Push([]*int{&i, &i, &i}))
		require.Equal(t, 3, q.Pop(v))
		require.Equal(t, []*int{&i, &i, &i}, v)
	}
}

func TestHasPointers(t *testing.T) {
	type flat struct {
		_ int
		_ [3]float64
	}
	type deep struct {
		_ flat
		_ [2]struct{ _ unsafe.Pointer }
	}
	for want, values := range map[bool][]any{
		false: {byte(1), uint64(2), flat{}, [0]*int{}, true, complex(1, 1), uintptr(1)},
		true:  {"s", []byte{}, &flat{}, deep{}, map[int]int{}, func() {}, make(chan int)},
	} {
		for _, v := range values {
			require.Equal(t, want, hasPointers(reflect.TypeOf(v)), "%T", v)
		}
	}
	require.True(t, hasPointers(reflect.TypeFor[any]()))
}

// TestNoFalseSharing: no two fields written by different threads are closer
// than the padding.
func TestNoFalseSharing(t *testing.T) {
	var s SPSC[*int]
	var m MPSC[*int]
	far := func(a, b uintptr) { require.GreaterOrEqual(t, b-a, uintptr(128)) }
	far(unsafe.Offsetof(s.wipe), unsafe.Offsetof(s.tail))
	far(unsafe.Offsetof(s.seenHead), unsafe.Offsetof(s.head))
	far(unsafe.Offsetof(s.seenTail), unsafe.Sizeof(s))
	far(unsafe.Offsetof(m.wipe), unsafe.Offsetof(m.tail))
	far(unsafe.Offsetof(m.seenHead), unsafe.Offsetof(m.head))
	far(unsafe.Offsetof(m.ready), unsafe.Sizeof(m))
}

// TestStalledPusher: a pusher that stops between its two steps delays what
// comes behind it and nothing else.
func TestStalledPusher(t *testing.T) {
	r := NewMPSC[int](8)
	v := make([]int, 8)
	require.Equal(t, 2, r.Push([]int{1, 2}))
	at, n := r.reserve(3) // and is preempted here
	require.Equal(t, 3, n)
	require.Equal(t, 3, r.Push([]int{6, 7, 8, 9}), "three slots are left")
	require.Equal(t, 8, r.Len())
	require.Equal(t, 2, r.Pop(v), "up to the stalled run")
	require.Zero(t, r.Pop(v))
	require.Equal(t, 1, r.Push([]int{9}), "others go on")
	put(r.slots, at, []int{3, 4, 5})
	r.publish(at, n)
	require.Equal(t, 7, r.Pop(v))
	require.Equal(t, []int{3, 4, 5, 6, 7, 8, 9}, v[:7])
}

// element carries its pusher and number; the pointer makes the collector and
// the race detector look at the hand-over.
type element struct {
	pusher, seq int
	check       *int
}

// TestThreads pushes from one or several goroutines and holds the popper to:
// nothing lost, nothing twice, order per pusher kept.
func TestThreads(t *testing.T) {
	const each = 20000
	for name, mk := range kinds[element]() {
		pushers := 1
		if name == "MPSC" {
			pushers = 4
		}
		for _, capacity := range []int{1, 8, 256} {
			t.Run(fmt.Sprintf("%s/%d", name, capacity), func(t *testing.T) {
				q := mk(capacity)
				var wg sync.WaitGroup
				for p := range pushers {
					wg.Go(func() { pushAll(q, p, each) })
				}
				popAll(t, q, pushers, each)
				wg.Wait()
				require.Zero(t, q.Len())
			})
		}
	}
}

func pushAll(q queue[element], pusher, count int) {
	var v [13]element
	for seq := 0; seq < count; {
		n := min(1+seq%len(v), count-seq)
		for i := range n {
			number := seq + i
			v[i] = element{pusher, number, &number}
		}
		done := q.Push(v[:n])
		seq += done
		if done < n {
			runtime.Gosched()
		}
	}
}

func popAll(t *testing.T, q queue[element], pushers, each int) {
	next := make([]int, pushers)
	var v [11]element
	for left := pushers * each; left > 0; {
		n := q.Pop(v[:])
		for _, e := range v[:n] {
			if e.seq != next[e.pusher] || *e.check != e.seq {
				t.Fatalf("pusher %d: got %d (%d), want %d", e.pusher, e.seq, *e.check, next[e.pusher])
			}
			next[e.pusher]++
		}
		left -= n
		if n == 0 {
			runtime.Gosched()
		}
	}
}

func TestNoAllocations(t *testing.T) {
	forKinds(t, func(t *testing.T, mk func(int) queue[*int]) {
		q := mk(64)
		v := make([]*int, 32)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			q.Push(v)
			q.Pop(v)
		}))
	})
}
