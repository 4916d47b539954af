package dataplane

import (
	"os"
	"runtime"
	"strconv"
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

// TestBusyWorkersHaveAProcessorToThemselves while another is left.
func TestBusyWorkersHaveAProcessorToThemselves(t *testing.T) {
	whole, err := mayRunOn()
	require.NoError(t, err)
	var cpus []int
	for i := range 1024 {
		if whole.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	if len(cpus) < 2 {
		t.Skip("there is no processor but one")
	}
	start := func(idle IdlePolicy, cpus ...int) *lab {
		return newLab(t, labOptions{tune: func(side int, c *Config) {
			if side == 0 {
				c.CPUs, c.Idle = cpus, idle
			}
		}})
	}
	// free is how many threads may run everywhere, once the workers have settled.
	free := func(l *lab) (n int) {
		for _, w := range l.a.workers {
			_ = w.call(func(*worker) {}) // it may have stopped
		}
		tasks, err := os.ReadDir("/proc/self/task")
		require.NoError(t, err)
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			require.NoError(t, err)
			var set unix.CPUSet
			if unix.SchedGetaffinity(tid, &set) == nil && set == whole {
				n++
			}
		}
		return n
	}
	l := start(IdleAdaptive, cpus[0])
	require.NotZero(t, free(l), "a worker that sleeps shares")
	require.NoError(t, l.a.Close())

	l = start(IdleBusy, cpus[0])
	require.Zero(t, free(l))
	again, err := mayRunOn()
	require.NoError(t, err)
	require.Equal(t, whole, again)
	c, s := l.connect(nil)
	pump(t, c, s, 50, 2000)
	require.NoError(t, l.a.Close())
	require.NotZero(t, free(l))

	l = start(IdleBusy, cpus...)
	require.NotZero(t, free(l), "there is no other")
}
