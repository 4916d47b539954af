package dataplane

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestWorkersArePinned(t *testing.T) {
	var allowed unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &allowed))
	cpu := 0
	for !allowed.IsSet(cpu) {
		cpu++
	}
	l := newLab(t, labOptions{tune: func(side int, c *Config) {
		if side == 0 {
			c.CPUs = []int{cpu}
			c.Idle = IdleBusy
		}
	}})
	var got unix.CPUSet
	var err error
	require.NoError(t, l.a.workers[0].call(func(*worker) { err = unix.SchedGetaffinity(0, &got) }))
	require.NoError(t, err)
	require.Equal(t, 1, got.Count())
	require.True(t, got.IsSet(cpu))
	require.GreaterOrEqual(t, runtime.GOMAXPROCS(0), 4, "two more than there are workers")
	c, s := l.connect(nil)
	pump(t, c, s, 50, 2000)
}
