package solo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic/mem"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// grace is how long a dataplane outlives the last that used it, so that the commands
// of a script that follow each other meet the same one.
const grace = 2 * time.Second

// Addresses are those of a solo dataplane beside the loopback's, on two ports: enough to
// be multi-homed with oneself.
var Addresses = [][]netip.Prefix{
	{netip.MustParsePrefix("10.255.1.1/24"), netip.MustParsePrefix("fd00:255:1::1/64")},
	{netip.MustParsePrefix("10.255.2.1/24"), netip.MustParsePrefix("fd00:255:2::1/64")},
}

// Serve runs the dataplane with the name until nobody uses it, or ctx is done. ready is
// written to once it can be joined, then closed.
func Serve(ctx context.Context, name string, ready *os.File) error {
	closeInherited(ready)
	p, err := placeOf(name)
	if err != nil {
		return err
	}
	cfg := dataplane.Config{Loopback: true}
	for _, addrs := range Addresses {
		port, far := mem.NewPair(mem.Options{})
		defer port.Close()
		defer far.Close()
		cfg.Ports = append(cfg.Ports, dataplane.PortConfig{Port: port, Addrs: addrs})
	}
	d, err := dataplane.New(cfg)
	if err != nil {
		return err
	}
	defer d.Close()
	s, err := sockets.Listen(d, sockets.Config{Path: p.sockets, Logger: slog.Default()})
	if err != nil {
		return err
	}
	defer s.Close()
	_ = os.Remove(p.members) // its server has ended: we have the sockets
	l, err := net.Listen("unix", p.members)
	if err != nil {
		return err
	}
	m := &members{}
	go m.accept(l)
	if _, err := ready.Write([]byte{1}); err != nil {
		return err
	}
	_ = ready.Close()
	return m.outlast(ctx, p, l, s)
}

// closeInherited closes what the process that began this one had open for the program
// that it became: locks and pipes whose end somebody waits for. All else that is open
// here is marked to be closed at exec.
func closeInherited(but *os.File) {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range open {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 || fd == int(but.Fd()) {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// members are the processes that have joined and live.
type members struct {
	mu sync.Mutex
	n  int
}

func (m *members) add(d int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += d
}

func (m *members) living() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

func (m *members) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			m.admit(c.(*net.UnixConn))
		}
	}
}

// admit counts the process at the other end as long as it lives, whatever program it
// becomes.
func (m *members) admit(c *net.UnixConn) {
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if pid <= 0 {
		return
	}
	m.add(1)
	go func() {
		defer m.add(-1)
		waitFor(pid)
	}()
	_, _ = c.Write([]byte{1})
}

// waitFor returns when the process has ended.
func waitFor(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil { // no such process, or no such call
		for unix.Kill(pid, 0) == nil {
			time.Sleep(100 * time.Millisecond)
		}
		return
	}
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(poll, -1); n > 0 || err != nil && err != unix.EINTR {
			return
		}
	}
}

// outlast returns when nobody has used the dataplane for a while. Whoever joins holds
// the lock, so that none comes in between.
func (m *members) outlast(ctx context.Context, p *place, l net.Listener, s *sockets.Server) error {
	defer l.Close()
	idle := time.Now()
	for {
		select {
		case <-ctx.Done():
			slog.Info("solo dataplane stopped", "members", m.living(), "in use", fmt.Sprintf("%+v", s.Stats()))
			return nil
		case <-time.After(100 * time.Millisecond):
		}
		if st := s.Stats(); m.living() > 0 || st.Clients > 0 || st.Sockets > 0 || st.Associations > 0 {
			idle = time.Now()
		}
		if time.Since(idle) < grace {
			continue
		}
		lock, err := lockFile(p.lock)
		if err != nil {
			return err
		}
		if m.living() == 0 {
			_, _ = l.Close(), s.Close() // and their files are gone
			_, _ = os.Remove(p.log), os.Remove(p.lock)
			return lock.Close()
		}
		_ = lock.Close()
	}
}
