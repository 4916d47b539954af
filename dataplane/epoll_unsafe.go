package dataplane

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is a set of descriptors to sleep on, watched for edges: they are never
// read. The zero value is closed. One thread uses it.
type epoll struct {
	fd     int // 0 is none
	fds    []int
	events [8]unix.EpollEvent
	// The set itself, as the Go runtime waits for it.
	file  *os.File
	conn  syscall.RawConn
	look  func(uintptr) bool // harvests the edges
	found bool               // look found some
}

func (e *epoll) open() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the runtime would not wait for it
		_ = unix.Close(fd)
		return err
	}
	e.fd, e.file = fd, os.NewFile(uintptr(fd), "epoll")
	e.look = func(uintptr) bool {
		n, err := unix.EpollWait(e.fd, e.events[:], 0)
		e.found = n > 0
		return e.found || err != nil && !errors.Is(err, unix.EINTR)
	}
	e.conn, err = e.file.SyscallConn()
	return err
}

// add takes the descriptors over, in any case.
func (e *epoll) add(fds ...int) error {
	e.fds = append(e.fds, fds...)
	var errs []error
	for _, fd := range fds {
		errs = append(errs, unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}))
	}
	return errors.Join(errs...)
}

func (e *epoll) close() {
	for _, fd := range e.fds {
		_ = unix.Close(fd)
	}
	if e.file != nil {
		_ = e.file.Close()
	}
	*e = epoll{fds: e.fds[:0]}
}

// nap sleeps until a descriptor has an edge, true, or d has passed; a signal may
// end it early. The Go runtime takes the thread for running meanwhile: it costs
// no thread switch but the worker's own, and a collection that begins ends it by
// a signal. Without epoll, and on Linux before 5.11 where it counts in
// milliseconds, it only sleeps: at most d.
func (e *epoll) nap(d time.Duration) (woken bool) {
	ts := unix.NsecToTimespec(int64(d))
	if e.fd != 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])),
			uintptr(len(e.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		if errno == 0 || errno == unix.EINTR {
			return errno == 0 && n > 0
		}
		if ms := int(d.Milliseconds()); ms > 0 {
			n, err := unix.EpollWait(e.fd, e.events[:], ms)
			return err == nil && n > 0
		}
	}
	_ = unix.Nanosleep(&ts, nil)
	return false
}

// park is nap for longer: the runtime waits for the descriptors together with
// all its own.
func (e *epoll) park(d time.Duration) (woken bool) {
	if e.conn == nil {
		return e.nap(d)
	}
	e.found = false
	if e.file.SetReadDeadline(time.Now().Add(d)) != nil || e.conn.Read(e.look) != nil {
		return false // the deadline has passed; or there are none, and it was no wait
	}
	return e.found
}
