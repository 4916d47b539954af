package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/demo"
)

const (
	// peerBytes is what the peer sends and gets back, in bytes.
	peerBytes = 24 << 20
	// calm is traffic before the first cut and after the last, in looks of the probe.
	calm = 4
)

// scenario is one run of the topology on an engine.
type scenario struct {
	engine  engine
	say     func(format string, args ...any)
	variant Variant
	hold    bool // until ctx is done, instead of cuts
	topology
	running []*process
	a, b    *process
	peer    *process
	probe   demo.Status // node a's last look
	res     *Result
}

// play runs the scenario. An error means that it could not be run to its end.
func (s *scenario) play(ctx context.Context) (err error) {
	defer func() {
		for _, p := range s.running {
			p.stop()
		}
		err = errors.Join(err, s.engine.reset())
	}()
	steps := []func(context.Context) error{s.begin, s.cutPeer, s.cutNode, s.finish}
	if s.hold {
		steps = []func(context.Context) error{s.begin, s.show}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin starts the nodes and waits until both associations carry data.
func (s *scenario) begin(ctx context.Context) (err error) {
	if s.b, err = s.launch(ctx, s.topology.b); err != nil {
		return err
	}
	if err := s.b.await(ctx, "echo on …", has("echo on ")); err != nil {
		return err
	}
	s.say("node b serves echo on %s", remote(onNetworks(numberB)))
	if s.a, err = s.launch(ctx, s.topology.a); err != nil {
		return err
	}
	if err := s.look(ctx, "data on the first of two active paths", func(at *demo.Status) bool { return onFirst(at) && at.Received > 0 }); err != nil {
		return err
	}
	s.say("node a has an association with b by %s, two paths", s.probe.Paths[0].Port+", "+s.probe.Paths[1].Port)
	if s.peer, err = s.launch(ctx, s.topology.peer); err != nil {
		return err
	}
	if err := s.awaitPeer(ctx, "PROGRESS", says("PROGRESS")); err != nil {
		return err
	}
	s.say("the foreign peer (usrsctp) has an association with b, too")
	return s.looks(ctx, calm)
}

func (s *scenario) launch(ctx context.Context, n *node) (*process, error) {
	p, err := s.engine.start(ctx, n)
	if p != nil {
		s.running = append(s.running, p)
	}
	return p, err
}

// Where the peer hangs the scenario is played again, hangsMax times in all.
const (
	hangsMax     = 3
	peerPatience = 20 * time.Second // far above any RTO of the peer's
	peerLooks    = 4                // at a peer for which that was not enough
	hangLook     = 5 * time.Second  // between two looks at a peer that may hang
)

// errPeerHung: usrsctp 0.9.5 sometimes forgets its retransmission timer when a path dies on a
// busy machine; what is unacknowledged then stays so.
var errPeerHung = errors.New("usrsctp hangs")

// awaitPeer is await of the peer, and tells a peer that hangs from one that is slow.
func (s *scenario) awaitPeer(ctx context.Context, what string, ok func(string) (bool, error)) error {
	s.peer.patience = peerPatience
	for n := 1; ; n++ {
		err := s.peer.await(ctx, what, ok)
		if !errors.Is(err, errLate) {
			return err
		}
		var was, is string
		came := false
		for _, to := range []*string{&was, &is} {
			time.Sleep(hangLook)
			if werr := s.watchPeer(ctx, to, func(line string) (err error) {
				found, err := ok(line)
				came = came || found
				return err
			}); werr != nil {
				return errors.Join(err, werr)
			}
		}
		switch {
		case came:
			return nil
		case was == is && value(is, "unacked") != "0":
			return s.hung(ctx, err)
		case n == peerLooks:
			return err
		}
	}
}

// watchPeer asks the peer for what does not change any more when it hangs; other lines that come go to pass.
func (s *scenario) watchPeer(ctx context.Context, seen *string, pass func(line string) error) error {
	if err := s.peer.command("watch"); err != nil {
		return err
	}
	return s.peer.await(ctx, "WATCH", func(line string) (bool, error) {
		if !strings.HasPrefix(line, "WATCH ") {
			return false, pass(line)
		}
		*seen, _, _ = strings.Cut(line, " ms=")
		return true, nil
	})
}

// hung is the error of a peer that hangs. If node a has anything to complain of it is that instead, and nothing is played
// again.
func (s *scenario) hung(ctx context.Context, late error) error {
	if err := s.endProbe(ctx); err != nil {
		return errors.Join(late, err)
	}
	if !s.res.Probe.Pass {
		return fmt.Errorf("%w; node a: %s", late, strings.Join(s.res.Probe.Reasons, ", "))
	}
	return fmt.Errorf("%w: %w", errPeerHung, late)
}

// endProbe ends the traffic of node a, and takes its result.
func (s *scenario) endProbe(ctx context.Context) error {
	if err := s.a.kill(syscall.SIGINT); err != nil {
		return err
	}
	return s.a.await(ctx, "the result", func(line string) (bool, error) { return parse(line, "result", &s.res.Probe) })
}

// onFirst is whether both paths are active and data goes over the first. There may be more: b's
// addresses for the peer, when a has no way to them.
func onFirst(at *demo.Status) bool {
	return len(at.Paths) >= networks && at.Paths[0].Current && at.Paths[0].State == "ACTIVE" && at.Paths[1].State == "ACTIVE"
}

// onSecond is whether data goes over the second path.
func onSecond(at *demo.Status) bool { return len(at.Paths) >= networks && at.Paths[1].Current }

// cutPeer takes the peer off network 0 and puts it back: for b that is silence.
func (s *scenario) cutPeer(ctx context.Context) error {
	first := onNetworks(numberB)[0].addr.Addr().String()
	s.say("network 0 is taken from the peer")
	if err := s.engine.detach(ctx, s.topology.peer, 0); err != nil {
		return err
	}
	if err := s.awaitPeer(ctx, first+" unreachable", says("EVENT", "path="+first, "state=unreachable")); err != nil {
		return err
	}
	s.say("the peer has given %s up; network 0 is given back", first)
	if err := s.engine.attach(ctx, s.topology.peer, 0); err != nil {
		return err
	}
	if err := s.awaitPeer(ctx, first+" available", says("EVENT", "path="+first, "state=available")); err != nil {
		return err
	}
	s.say("the peer uses %s again", first)
	return s.peer.command("go")
}

// cutNode breaks the way between a and b, whichever it is, while data goes over it, and mends it.
func (s *scenario) cutNode(ctx context.Context) error {
	if err := s.look(ctx, "data on the first of two active paths", onFirst); err != nil {
		return err
	}
	cut := Cut{What: "network 0 taken from node b"}
	if s.variant == VirtioUser {
		cut.What = "virtio-user port v0's link down"
	}
	s.say("%s", cut.What)
	if err := s.breakNode(ctx); err != nil {
		return err
	}
	if err := s.pauses(ctx, &cut, "data on the second path", onSecond); err != nil {
		return err
	}
	for range calm {
		if err := s.pauses(ctx, &cut, "the next look", func(*demo.Status) bool { return true }); err != nil {
			return err
		}
	}
	s.say("the data goes by %s; nothing came for %.1f ms", s.probe.Paths[1].Port, cut.Pause.Seconds()*1e3)
	mended := time.Now()
	if err := s.mendNode(ctx); err != nil {
		return err
	}
	if err := s.look(ctx, "data on the first path again", onFirst); err != nil {
		return err
	}
	cut.Returned = time.Since(mended)
	s.say("it is mended, and carries the data again")
	s.res.Cuts = append(s.res.Cuts, cut)
	return s.looks(ctx, calm)
}

func (s *scenario) breakNode(ctx context.Context) error {
	if s.variant == VirtioUser {
		return s.a.kill(syscall.SIGUSR1)
	}
	return s.engine.detach(ctx, s.topology.b, 0)
}

// mendNode undoes breakNode. Where an interface was taken away it is another one that comes.
func (s *scenario) mendNode(ctx context.Context) error {
	if s.variant == VirtioUser {
		return s.a.kill(syscall.SIGUSR1)
	}
	return s.engine.attach(ctx, s.topology.b, 0)
}

// pauses is look, and keeps the longest pause.
func (s *scenario) pauses(ctx context.Context, cut *Cut, what string, ok func(*demo.Status) bool) error {
	return s.look(ctx, what, func(at *demo.Status) bool {
		cut.Pause = max(cut.Pause, at.Pause)
		return ok(at)
	})
}

// show tells of node a until ctx is done, for somebody who cuts by hand, and ends the traffic then.
func (s *scenario) show(ctx context.Context) error {
	for _, hint := range s.engine.hints() {
		s.say("%s", hint)
	}
	for n := 0; ; n++ {
		err := s.look(ctx, "a look", func(*demo.Status) bool { return true })
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if n%calm == 0 {
			_, line, _ := strings.Cut(s.probe.Line(), "] ") // the time is said by say
			s.say("%s", line)
		}
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.peer.command("go"); err != nil {
		return err
	}
	return s.finish(ctx)
}

// finish ends the traffic: all that was sent must have come.
func (s *scenario) finish(ctx context.Context) error {
	if err := s.awaitPeer(ctx, "STATS", func(line string) (bool, error) {
		found, err := says("STATS")(line)
		if found {
			_, err = fmt.Sscan(value(line, "rx_messages"), &s.res.PeerMessages)
		}
		return found, err
	}); err != nil {
		return err
	}
	if err := s.awaitPeer(ctx, "RESULT OK", says("RESULT", "OK")); err != nil {
		return err
	}
	s.say("the peer got back all of %d messages, as it had sent them", s.res.PeerMessages)
	if err := s.endProbe(ctx); err != nil {
		return err
	}
	if err := s.b.kill(syscall.SIGTERM); err != nil {
		return err
	}
	for _, p := range []*process{s.a, s.b, s.peer} {
		code, err := p.wait(ctx)
		if err != nil {
			return err
		}
		if code != 0 {
			s.res.Reasons = append(s.res.Reasons, fmt.Sprintf("%s ended with exit code %d", p.name, code))
		}
	}
	return nil
}

// look waits for a look of node a that ok holds of.
func (s *scenario) look(ctx context.Context, what string, ok func(*demo.Status) bool) error {
	return s.a.await(ctx, what, func(line string) (bool, error) {
		var at demo.Status
		found, err := parse(line, "status", &at)
		if !found || err != nil {
			return false, err
		}
		s.probe = at
		return ok(&at), nil
	})
}

// looks lets n looks pass.
func (s *scenario) looks(ctx context.Context, n int) error {
	for range n {
		if err := s.look(ctx, "a look", func(*demo.Status) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// parse reads a line of JSON of a kind; found is false of other lines.
func parse(line, kind string, to any) (found bool, err error) {
	var of struct {
		Type string
		Data json.RawMessage
	}
	if err := json.Unmarshal([]byte(line), &of); err != nil || of.Type != kind {
		return false, nil // what else it says is for people
	}
	return true, json.Unmarshal(of.Data, to)
}

// has holds of lines that begin with a text.
func has(text string) func(string) (bool, error) {
	return func(line string) (bool, error) { return strings.HasPrefix(line, text), nil }
}

var errPeerFailed = errors.New("the foreign peer failed")

// says holds of lines of the peer with a key word and words; its failure ends the wait.
func says(key string, words ...string) func(string) (bool, error) {
	return func(line string) (bool, error) {
		fields := strings.Fields(line)
		if len(fields) > 1 && fields[0] == "RESULT" && fields[1] == "FAIL" {
			return false, fmt.Errorf("%w: %s", errPeerFailed, line)
		}
		if len(fields) == 0 || fields[0] != key {
			return false, nil
		}
		for _, w := range words {
			if !strings.Contains(" "+line+" ", " "+w+" ") {
				return false, nil
			}
		}
		return true, nil
	}
}

// value is what a line of the peer says of a name.
func value(line, name string) string {
	for _, field := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(field, name+"="); ok {
			return v
		}
	}
	return ""
}
