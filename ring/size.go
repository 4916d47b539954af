package ring

import (
	"fmt"
	"math/bits"
	"reflect"
)

// MaxCapacity is the largest capacity, in elements, of a ring.
const MaxCapacity = 1 << 30

// pad keeps what two threads write apart. It is two cache lines because the
// adjacent-line prefetcher of x86 fetches them in pairs.
type pad [128]byte

// roundUp is the power of two at or above capacity.
func roundUp(capacity int) int {
	if capacity <= 0 || capacity > MaxCapacity {
		panic(fmt.Sprintf("ring: capacity %d is outside 1..%d", capacity, MaxCapacity))
	}
	return 1 << bits.Len(uint(capacity-1))
}

// hasPointers tells whether values of t keep other memory alive.
func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if hasPointers(f.Type) {
				return true
			}
		}
		return false
	default:
		return t.Kind() > reflect.Complex128
	}
}

// put copies v into the slots from position at on.
func put[T any](slots []T, at uint64, v []T) {
	i := at & uint64(len(slots)-1)
	n := copy(slots[i:], v)
	copy(slots, v[n:])
}

// take copies the slots from position at on into v, and zeroes them if wipe.
func take[T any](slots []T, at uint64, v []T, wipe bool) {
	i := at & uint64(len(slots)-1)
	n := copy(v, slots[i:])
	m := copy(v[n:], slots)
	if wipe {
		clear(slots[i : int(i)+n])
		clear(slots[:m])
	}
}
