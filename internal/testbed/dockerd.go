package testbed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dockerDaemon is a docker engine with everything in a folder of its own. It changes
// nothing of the host's: no packet filter, no forwarding, no default bridge.
type dockerDaemon struct {
	dir   string
	cmd   *exec.Cmd
	ended chan struct{}
}

func startDockerDaemon(ctx context.Context) (d *dockerDaemon, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("none is running, and starting one needs root")
	}
	if _, err := exec.LookPath("dockerd"); err != nil {
		return nil, errors.New("none is running, and none is installed (apt-get install docker.io)")
	}
	d = &dockerDaemon{ended: make(chan struct{})}
	if d.dir, err = os.MkdirTemp("", "trunkline-docker-"); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d.cmd = exec.Command("dockerd", "--data-root", d.dir+"/data", "--exec-root", d.dir+"/exec", "--pidfile", d.dir+"/pid", "-H", d.host(),
		"--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge=none", "--userland-proxy=false")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(d.dir))
	}
	go func() { _ = d.cmd.Wait(); close(d.ended) }()
	if err := d.await(ctx); err != nil {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("dockerd: %w; it said:\n%s", err, tail(string(text))), d.stop())
	}
	return d, nil
}

// host is where it listens.
func (d *dockerDaemon) host() string { return "unix://" + d.dir + "/docker.sock" }

// await waits until it answers.
func (d *dockerDaemon) await(ctx context.Context) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, err := command(ctx, "docker", "-H", d.host(), "version"); err == nil {
			return nil
		}
		select {
		case <-d.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("it does not answer within %v", patience)
}

// stop ends it and removes its folder.
func (d *dockerDaemon) stop() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(patience):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
	return errors.Join(unmountBelow(d.dir), os.RemoveAll(d.dir))
}

// unmountBelow unmounts what is mounted below a folder, the last first.
func unmountBelow(dir string) error {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return err
	}
	defer f.Close()
	var all []string
	for in := bufio.NewScanner(f); in.Scan(); {
		if fields := strings.Fields(in.Text()); strings.HasPrefix(fields[1], dir+"/") {
			all = append(all, fields[1])
		}
	}
	var errs []error
	for i := len(all) - 1; i >= 0; i-- {
		if err := unix.Unmount(all[i], unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", all[i], err))
		}
	}
	return errors.Join(errs...)
}
