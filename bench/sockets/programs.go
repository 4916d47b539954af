package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/trunkline-sctp/trunkline/sockets/shim"
)

var errNotItsKind = errors.New("not for this contestant")

// programs are C programs through the preload library.
type programs struct {
	messages, preload, socket string
	env                       []string // beside the environment
}

func (p programs) run(kind string, size int, d time.Duration) (result, error) {
	if kind == "iperf3" {
		return p.iperf(size, d)
	}
	c, err := p.command(p.messages, kind, strconv.Itoa(size), strconv.FormatInt(d.Milliseconds(), 10))
	if err != nil {
		return result{}, err
	}
	before := ownCPU()
	out, err := c.Output()
	if err != nil {
		return result{}, err
	}
	r := result{cpu: ownCPU() - before + cpuOf(c)}
	_, err = fmt.Sscan(string(out), &r.count, (*int64)(&r.elapsed))
	return r, err
}

func (p programs) command(name string, args ...string) (c *exec.Cmd, err error) {
	c = exec.Command(name, args...)
	c.Stderr = os.Stderr
	c.Env, err = shim.Environ(append(os.Environ(), p.env...), p.preload, p.socket)
	return c, err
}

// iperf runs iperf3's server for one test, and its client.
func (p programs) iperf(size int, d time.Duration) (result, error) {
	if _, err := exec.LookPath("iperf3"); err != nil {
		return result{}, errNotItsKind
	}
	port, err := freePort()
	if err != nil {
		return result{}, err
	}
	server, err := p.command("iperf3", "-s", "-1", "-p", port)
	if err != nil {
		return result{}, err
	}
	before := ownCPU()
	if err := server.Start(); err != nil {
		return result{}, err
	}
	client, _ := p.command("iperf3", "--sctp", "-c", "127.0.0.1", "-p", port, "-P", "1", "-J", "-l", strconv.Itoa(size),
		"-t", strconv.Itoa(max(1, int(d/time.Second))))
	var out []byte
	for range 50 { // until the server listens
		time.Sleep(20 * time.Millisecond)
		again, _ := p.command(client.Path, client.Args[1:]...)
		if out, err = again.Output(); err == nil {
			client = again
			break
		}
	}
	if err != nil {
		_ = server.Process.Kill()
		_ = server.Wait()
		return result{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	if err := server.Wait(); err != nil {
		return result{}, err
	}
	var report struct {
		End struct {
			Received struct {
				Seconds float64 `json:"seconds"`
				Bytes   uint64  `json:"bytes"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return result{}, err
	}
	r := report.End.Received
	return result{r.Bytes, time.Duration(r.Seconds * 1e9), ownCPU() - before + cpuOf(server) + cpuOf(client)}, nil
}

// freePort is a TCP port of the kernel's, for iperf3's control connection.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// ownCPU is what this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf is what a program that has ended used, and those that it waited for.
func cpuOf(c *exec.Cmd) time.Duration {
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}
