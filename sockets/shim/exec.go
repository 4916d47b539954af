package shim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// DefaultSocket is where a server listens if nothing else is said.
const DefaultSocket = "/run/trunkline/sockets"

// SocketVariable names the server's unix socket in a program's environment: a
// path, or an abstract name behind an @.
const SocketVariable = "TRUNKLINE_SOCKET"

const preloadVariable = "LD_PRELOAD"

// maxSocketName is what a sockaddr_un holds, without the final zero.
const maxSocketName = 107

// Environ returns env, whose strings are not changed, such that a program has
// the library and uses the server on socket. What was preloaded already stays.
func Environ(env []string, library, socket string) ([]string, error) {
	if strings.ContainsAny(library, ": \t") {
		return nil, fmt.Errorf("the loader takes no path with blanks or colons: %q; set XDG_RUNTIME_DIR to another", library)
	}
	if socket == "" || len(socket) > maxSocketName {
		return nil, fmt.Errorf("the socket's path must have 1 to %d bytes: %q", maxSocketName, socket)
	}
	preload := library
	var out []string
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		switch {
		case name == preloadVariable && value != "" && value != library && !strings.HasPrefix(value, library+":"):
			preload = library + ":" + value
		case name == preloadVariable && value != "":
			preload = value
		case name == preloadVariable || name == SocketVariable:
		default:
			out = append(out, kv)
		}
	}
	return append(out, preloadVariable+"="+preload, SocketVariable+"="+socket), nil
}

// Exec replaces this process by a program that has the library and uses the
// server on socket. argv is not empty; its first word is looked up in PATH. It
// returns only with an error.
func Exec(socket string, argv []string) error {
	library, err := Library()
	if err != nil {
		return err
	}
	program, err := exec.LookPath(argv[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := reachable(program, os.Geteuid(), os.Getegid()); err != nil {
		return err
	}
	if err := Reach(socket); err != nil {
		return err
	}
	path, err := Install(library)
	if err != nil {
		return err
	}
	env, err := Environ(os.Environ(), path, socket)
	if err != nil {
		return err
	}
	return &os.PathError{Op: "exec", Path: program, Err: syscall.Exec(program, argv, env)}
}
