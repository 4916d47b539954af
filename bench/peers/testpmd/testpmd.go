package testpmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// program is the peer; Debian's package dpdk has it.
const program = "dpdk-testpmd"

const (
	startLimit = 60 * time.Second
	answer     = 60 * time.Second // of the prompt
	warm       = 300 * time.Millisecond
	burst      = 32
	inFlight   = 16 // bursts that each port begins with
)

// Kinds are the cables that testpmd can be given, as internal/ports calls them.
var Kinds = []string{"ring", "memif", "virtio-user", "af_packet", "af_xdp"}

// Run lets frames of size bytes go to and fro over a cable of the given kind for
// a span of time, on two CPUs, one for each end. It gives the frames received by
// both ends together in a second.
func Run(kind string, size int, cpus []int, span time.Duration) (perSecond float64, err error) {
	if _, err := exec.LookPath(program); err != nil {
		return 0, fmt.Errorf("%s is not installed (Debian: apt-get install dpdk)", program)
	}
	if len(cpus) < 2 {
		return 0, errors.New("two CPUs are needed, one for each end")
	}
	dir, err := os.MkdirTemp("", "testpmd")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	c, err := newCable(kind, dir)
	if err != nil {
		return 0, err
	}
	defer c.remove()
	s, err := start(c, cpus)
	if err != nil {
		return 0, err
	}
	err = s.measure(c, size, span)
	ended := s.end()
	// What it prints stays in its buffer until it ends; prompts do not.
	if perSecond = received(s.out.String()); err == nil && perSecond == 0 {
		err = errors.Join(errors.New("no frame came through"), ended)
	}
	if err != nil {
		return 0, fmt.Errorf("%s over %s: %w%s", program, kind, err, s.complaint())
	}
	return perSecond, nil
}

// cable is a kind's devices.
type cable struct {
	vdevs  []string // from the start
	attach string   // a device that comes later
	loop   bool     // each core bounces at its own end; else it carries from one port to the other
	remove func()
}

func newCable(kind, dir string) (cable, error) {
	c := cable{loop: true, remove: func() {}}
	socket := filepath.Join(dir, "s")
	switch kind {
	case "ring":
		// Each net_ring leads to itself: between two of them the frames change cores.
		c.vdevs, c.loop = []string{"net_ring0", "net_ring1"}, false
	case "memif":
		const form = "net_memif%d,role=%s,socket=%s,socket-abstract=no"
		c.vdevs = []string{fmt.Sprintf(form, 0, "server", socket), fmt.Sprintf(form, 1, "client", socket)}
	case "virtio-user":
		c.vdevs = []string{"net_vhost0,iface=" + socket}
		c.attach = "net_virtio_user0,queue_size=1024,path=" + socket
	case "af_packet", "af_xdp":
		a, b := fmt.Sprintf("tp%da", os.Getpid()), fmt.Sprintf("tp%db", os.Getpid())
		if err := veth(a, b); err != nil {
			return c, err
		}
		c.remove = func() { _ = ip("link", "del", a) }
		extra := ""
		if kind == "af_packet" {
			extra = ",framesz=2048,blocksz=8192,framecnt=1024" // as our ports have it
		}
		c.vdevs = []string{"net_" + kind + "0,iface=" + a + extra, "net_" + kind + "1,iface=" + b + extra}
	default:
		return c, fmt.Errorf("%s cannot be given a %s cable", program, kind)
	}
	return c, nil
}

func veth(a, b string) error {
	if err := ip("link", "add", a, "type", "veth", "peer", "name", b); err != nil {
		return fmt.Errorf("a veth pair needs root: %w", err)
	}
	for _, name := range []string{a, b} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
		if err := ip("link", "set", name, "up"); err != nil {
			return errors.Join(err, ip("link", "del", a))
		}
	}
	return nil
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// session is a running testpmd.
type session struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *output
	done chan error
}

func start(c cable, cpus []int) (*session, error) {
	args := append(memory(), "--no-pci", "--no-telemetry", "--lcores", fmt.Sprintf("0@(%d,%d),1@%d,2@%d", cpus[0], cpus[1], cpus[0], cpus[1]))
	for _, v := range c.vdevs {
		args = append(args, "--vdev", v)
	}
	topology := "paired"
	if c.loop {
		topology = "loop"
	}
	args = append(args, "--", "-i", "--nb-cores=2", "--port-topology="+topology, "--no-mlockall",
		"--total-num-mbufs=16384", "--rxd=1024", "--txd=1024", fmt.Sprintf("--burst=%d", burst))
	s := &session{cmd: exec.Command(program, args...), out: &output{}, done: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.cmd.Wait() }()
	return s, nil
}

// memory is hugepages if there are some, as with our own ports.
func memory() []string {
	text, _ := os.ReadFile("/proc/meminfo")
	if m := regexp.MustCompile(`HugePages_Free:\s+(\d+)`).FindSubmatch(text); m != nil {
		if n, _ := strconv.Atoi(string(m[1])); n >= 128 { // 256 MiB of the usual ones
			return []string{"--in-memory", "--single-file-segments"}
		}
	}
	return []string{"--no-huge", "-m", "512", "--no-shconf"}
}

func (s *session) measure(c cable, size int, span time.Duration) error {
	if err := s.prompt("", startLimit); err != nil {
		return err
	}
	commands := []string{fmt.Sprintf("set txpkts %d", size)}
	if c.attach != "" {
		commands = append(commands, "port attach "+c.attach, "port start 1", "set portlist 0,1")
	}
	if err := s.say(append(commands, fmt.Sprintf("start tx_first %d", inFlight))...); err != nil {
		return err
	}
	time.Sleep(warm)
	if err := s.say("show port stats all"); err != nil {
		return err
	}
	time.Sleep(span)
	return s.say("show port stats all", "stop")
}

var rate = regexp.MustCompile(`Rx-pps:\s+(\d+)`)

// received adds up the rates of the two ports when they were shown last, which
// are those since they were shown before.
func received(out string) (sum float64) {
	all := rate.FindAllStringSubmatch(out, -1)
	for _, m := range all[max(0, len(all)-2):] {
		n, _ := strconv.ParseFloat(m[1], 64)
		sum += n
	}
	return sum
}

// say gives commands and waits for the prompt after each.
func (s *session) say(commands ...string) error {
	for _, command := range commands {
		s.out.forget()
		if _, err := io.WriteString(s.in, command+"\n"); err != nil {
			return fmt.Errorf("%q: %w", command, err)
		}
		if err := s.prompt(command, answer); err != nil {
			return fmt.Errorf("%q: %w", command, err)
		}
	}
	return nil
}

// prompt waits for the prompt after the echo of a command.
func (s *session) prompt(command string, limit time.Duration) error {
	for begun := time.Now(); time.Since(begun) < limit; time.Sleep(2 * time.Millisecond) {
		if s.out.answered(command) {
			return nil
		}
		select {
		case err := <-s.done:
			s.done <- err
			return errors.New("it ended early")
		default:
		}
	}
	return fmt.Errorf("no prompt within %v", limit)
}

// end stops the process, by force if it does not go.
func (s *session) end() error {
	_, _ = io.WriteString(s.in, "quit\n")
	select {
	case err := <-s.done:
		return err
	case <-time.After(answer):
		_ = s.cmd.Process.Kill()
		return <-s.done
	}
}

// complaint is the last that was said of an error, or "".
func (s *session) complaint() string {
	last := ""
	for line := range strings.Lines(s.out.String()) {
		if l := strings.ToLower(line); strings.Contains(l, "error") && !strings.Contains(l, "errors:") || strings.Contains(l, "cannot") {
			last = ": " + strings.TrimSpace(line)
		}
	}
	return last
}

// output is what the process has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen int // what is before it does not count
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// String is all of it.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = o.text.Len()
}

// answered tells of a prompt at the end, and the echo of the command before it.
func (o *output) answered(command string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, rest, echoed := bytes.Cut(o.text.Bytes()[o.seen:], []byte(command))
	return echoed && bytes.HasSuffix(bytes.TrimSpace(rest), []byte("testpmd>"))
}
