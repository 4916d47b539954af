package dataplane

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestNoFalseSharing: what an application's thread writes for every message lies
// two cache lines away from what a worker writes or reads for every burst.
func TestNoFalseSharing(t *testing.T) {
	far := func(a, b uintptr) { require.GreaterOrEqual(t, b-a, unsafe.Sizeof(linePad{})) }
	var w worker
	far(unsafe.Offsetof(w.stopped), unsafe.Offsetof(w.kicks))
	far(unsafe.Offsetof(w.bell), unsafe.Offsetof(w.stepping))
	var c Conn
	far(unsafe.Offsetof(c.refusing), unsafe.Offsetof(c.kicked))
	far(unsafe.Offsetof(c.nextKick), unsafe.Offsetof(c.mu))
	far(unsafe.Offsetof(c.out.streams), unsafe.Offsetof(c.out.room))
	far(unsafe.Offsetof(c.out.room), unsafe.Sizeof(c.out))
	far(unsafe.Offsetof(c.in.deadline), unsafe.Offsetof(c.in.ready))
	far(unsafe.Offsetof(c.in.ended), unsafe.Sizeof(c.in))
}
