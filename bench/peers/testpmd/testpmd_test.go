package testpmd

import (
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReceivedIsTheLastRateOfBothPorts(t *testing.T) {
	require.Zero(t, received("nothing"))
	require.EqualValues(t, 70, received("Rx-pps:   1 Rx-bps: 8\n Rx-pps: 2\n Rx-pps:  30\nTx-pps: 5\nRx-pps:\t40"))
}

func TestUnknownKind(t *testing.T) {
	_, err := newCable("pigeon", "")
	require.ErrorContains(t, err, "pigeon")
}

func TestAnswerEndsWithAPromptAfterTheEcho(t *testing.T) {
	var o output
	_, _ = o.Write([]byte("hello\ntestpmd> "))
	require.True(t, o.answered(""))
	o.forget()
	require.False(t, o.answered("stop"))
	_, _ = o.Write([]byte("late\ntestpmd> "))
	require.False(t, o.answered("stop"))
	_, _ = o.Write([]byte("stop\nTelling cores\n"))
	require.False(t, o.answered("stop"))
	_, _ = o.Write([]byte("testpmd> "))
	require.True(t, o.answered("stop"))
}

func TestFramesGoToAndFro(t *testing.T) {
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(program, "is not installed")
	}
	if runtime.NumCPU() < 2 {
		t.Skip("two CPUs are needed")
	}
	rate, err := 0.0, error(nil)
	for span := 100 * time.Millisecond; rate == 0 && span < 5*time.Second; span *= 3 { // until its threads have had a processor
		rate, err = Run("ring", 64, []int{0, 1}, span)
	}
	require.NoError(t, err)
	require.Positive(t, rate)
	_, err = Run("ring", 64, nil, 0)
	require.ErrorContains(t, err, "two CPUs")
}
