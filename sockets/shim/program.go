package shim

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// reachable tells why the loader would not give a program the library, for a process
// with these ids: the program would run, and find no SCTP. What is no ELF file is a
// script, whose interpreter is found out by running it.
func reachable(program string, euid, egid int) error {
	var st unix.Stat_t
	if err := unix.Stat(program, &st); err != nil {
		return &fs.PathError{Op: "stat", Path: program, Err: err}
	}
	privileged := st.Mode&unix.S_ISUID != 0 && int(st.Uid) != euid || st.Mode&unix.S_ISGID != 0 && int(st.Gid) != egid
	if _, err := unix.Getxattr(program, "security.capability", nil); err == nil && euid != 0 {
		privileged = true
	}
	if privileged {
		return fmt.Errorf("%s runs with its owner's rights (set-uid, set-gid or capabilities), and the loader preloads nothing then: run a copy without, as the user who has the rights", program)
	}
	f, err := elf.Open(program)
	if err != nil {
		return nil
	}
	defer f.Close()
	self, err := elf.Open("/proc/self/exe")
	if err == nil {
		defer self.Close()
		if f.Machine != self.Machine || f.Class != self.Class {
			return fmt.Errorf("%s is a program for %v, and the library is for %v", program, f.Machine, self.Machine)
		}
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil
		}
	}
	if f.Section(".go.buildinfo") != nil {
		return fmt.Errorf("%s is a Go program, which makes its system calls itself: %w", program, errGo)
	}
	return fmt.Errorf("%s is linked statically, and only what is linked with libc.so can be caught: link it without -static", program)
}

var errGo = errors.New("build it with `replace github.com/ishidawataru/sctp => …/compat/ishidawataru` in its go.mod")
