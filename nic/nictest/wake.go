package nictest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/nic"
)

// testWake has frames wake whoever waits for rx queue 0, at both ends.
func testWake(t *testing.T, p *pair) {
	woken := wakes(t, p.a, p.b)
	if !wakes(t, p.b, p.a) && !woken {
		t.Skip("the ports can only be polled")
	}
}

// wakes tells whether a frame to a port that is armed has an edge, time and
// again; false if the port can only be polled.
func wakes(t *testing.T, from, to nic.Port) bool {
	fds, err := to.WakeFDs(0, nil)
	defer closeAll(t, fds)
	if errors.Is(err, nic.ErrNotSupported) {
		require.Empty(t, fds)
		return false
	}
	require.NoError(t, err)
	require.NotEmpty(t, fds)
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	require.NoError(t, err)
	defer closeAll(t, []int{epfd})
	for _, fd := range fds {
		require.NoError(t, unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}))
	}
	var events [8]unix.EpollEvent
	wait := func(limit time.Duration) bool {
		n, err := unix.EpollWait(epfd, events[:], int(limit.Milliseconds()))
		if err != unix.EINTR {
			require.NoError(t, err)
		}
		return n > 0
	}
	for i := range uint32(20) {
		for wait(0) { // of before, and without reason
		}
		if err := to.ArmWake(0, true); errors.Is(err, nic.ErrNotSupported) {
			return false // for now, which is for all of this test
		} else {
			require.NoError(t, err)
		}
		require.Empty(t, poll(to))
		transmit(t, from, build(t, from, to, i, 100))
		require.True(t, Poll(timeout, func() bool { return wait(timeout) }), "frame %d woke nobody at %s", i, to.Info().Name)
		nic.Free(receive(t, to, 1))
	}
	require.NoError(t, to.ArmWake(0, false))
	transmit(t, from, build(t, from, to, 99, 100))
	nic.Free(receive(t, to, 1))
	return true
}

// testWakeLink has a change of the link wake whoever waits.
func testWakeLink(t *testing.T, p *pair) {
	fds, err := p.b.WakeFDs(0, nil)
	if errors.Is(err, nic.ErrNotSupported) || !p.b.Info().Caps.LinkInterrupt {
		closeAll(t, fds)
		t.Skip("the port's link can only be polled")
	}
	require.NoError(t, err)
	defer closeAll(t, fds)
	watched := make([]unix.PollFd, len(fds))
	for i, fd := range fds {
		watched[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	if errors.Is(p.b.ArmWake(0, true), nic.ErrNotSupported) {
		t.Skip("the port must be polled for now")
	}
	if err := p.b.SetLink(false); errors.Is(err, nic.ErrNotSupported) {
		t.Skip("the port cannot set its link: " + err.Error())
	} else {
		require.NoError(t, err)
	}
	require.True(t, Poll(timeout, func() bool {
		n, err := unix.Poll(watched, int(timeout.Milliseconds()))
		return err == nil && n > 0
	}))
	waitLink(t, p.b, false)
	require.NoError(t, p.b.SetLink(true))
	waitLink(t, p.b, true)
}

func closeAll(t *testing.T, fds []int) {
	for _, fd := range fds {
		require.NoError(t, unix.Close(fd))
	}
}
