package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

const (
	causeLink   = "link down"
	causeSilent = "silent loss"
	// hold is how long a fault stays after the failover, so that it can be seen.
	hold = 800 * time.Millisecond
)

// linkDown pulls network 0's cable and plugs it in again.
func (s *show) linkDown(ctx context.Context) (Failover, error) {
	return s.fault(ctx, causeLink,
		"step 1: port a0's link goes down", s.cables[0].unplug,
		"port a0's link is up again", s.cables[0].plug)
}

// silentLoss drops everything on network 0 both ways with its links up.
func (s *show) silentLoss(ctx context.Context) (Failover, error) {
	return s.fault(ctx, causeSilent,
		"step 2: network 0 silently loses everything, its links stay up", s.cables[0].swallow,
		"network 0 carries again", s.cables[0].heal)
}

// fault breaks network 0, sees the traffic go to the other network, mends it
// and sees the traffic come back. An error is of the run; what was not seen in
// time is in Failover.Missed.
func (s *show) fault(ctx context.Context, cause, breaking string, breakIt func() error, mending string, mend func() error) (Failover, error) {
	f := Failover{Cause: cause}
	var e dataplane.PathEvent
	var at sctpcore.Time
	for tries := 1; ; tries++ {
		events := s.client.Events(256)
		if ok, err := s.onPrimary(ctx, 0, s.returnBound()); err != nil || !ok {
			f.Missed = "the primary path was not in use before the fault"
			return f, err
		}
		s.view.say("%s", breaking)
		at = sctpcore.Time(s.clock())
		if err := breakIt(); err != nil {
			return f, fmt.Errorf("%s: %w", cause, err)
		}
		seen, how, err := s.failover(ctx, events, at)
		if err != nil {
			return f, err
		}
		if how == failoverSeen {
			e = seen
			break
		}
		if err := mend(); err != nil {
			return f, fmt.Errorf("mending %s: %w", cause, err)
		}
		if how == failoverMissed || tries == maxTries {
			f.Missed = fmt.Sprintf("no failover within %v", s.switchBound())
			return f, nil
		}
		s.view.say("the traffic had left the primary path by itself just before, as it may when the machine stalls for longer than an RTO: once more")
	}
	f.From, f.To = named(e.OldDst.String(), e.OldPort), named(e.Dst.String(), e.Port)
	f.Detected, f.Switched = time.Duration(max(0, e.Detected-at)), time.Duration(e.Switched-at)
	s.view.say("detected after %s, first DATA by %s after %s", inUnit(&f, f.Detected), f.To, inUnit(&f, f.Switched))
	if err := s.wait(ctx, hold); err != nil {
		return f, err
	}
	s.view.say("%s", mending)
	mended := time.Now()
	if err := mend(); err != nil {
		return f, fmt.Errorf("mending %s: %w", cause, err)
	}
	ok, err := s.onPrimary(ctx, s.sentOnPrimary(), s.returnBound())
	if err != nil {
		return f, err
	}
	if !ok {
		f.Missed = fmt.Sprintf("the primary path was not used again within %v", s.returnBound())
		return f, nil
	}
	f.Returned = time.Since(mended)
	s.view.say("the primary path carries the data again, %.0f ms after it was mended", f.Returned.Seconds()*1e3)
	return f, nil
}

func named(dst, port string) string {
	if port == "" {
		return dst
	}
	return dst + " by " + port
}

// outcome is how a wait for a failover ended.
type outcome int

const (
	failoverSeen    outcome = iota
	failoverMissed          // there was none in time
	failoverEarlier         // the traffic had left the primary path before
)

const (
	// maxTries bounds how often a fault is made until it meets traffic on the
	// primary path.
	maxTries = 5
	// settle is how long events of before the fault may take to be read.
	settle = 100 * time.Millisecond
)

// failover waits for DATA to leave the primary path for another because of
// what happened at or after at.
func (s *show) failover(ctx context.Context, events <-chan dataplane.PathEvent, at sctpcore.Time) (e dataplane.PathEvent, how outcome, err error) {
	timeout, settled := time.NewTimer(s.switchBound()), time.NewTimer(settle)
	defer timeout.Stop()
	defer settled.Stop()
	left, waited := false, false // the primary path, before at; for such events
	for !left || !waited {
		select {
		case e, open := <-events:
			if !open {
				return e, failoverMissed, fmt.Errorf("the association ended: %w", s.client.Err())
			}
			if e.Kind != sctpcore.EventFailover {
				break
			}
			if e.OldDst == primary && e.Switched >= at {
				return e, failoverSeen, nil
			}
			left = e.OldDst == primary
		case <-settled.C:
			waited = true
		case err := <-s.broken:
			return e, failoverMissed, err
		case <-ctx.Done():
			return e, failoverMissed, errInterrupted
		case <-timeout.C:
			return e, failoverMissed, nil
		}
	}
	return e, failoverEarlier, nil
}

// onPrimary waits until the primary path is the current one and has carried
// more than beyond chunks of DATA.
func (s *show) onPrimary(ctx context.Context, beyond uint64, bound time.Duration) (bool, error) {
	for until := time.Now().Add(bound); time.Now().Before(until); {
		p, err := s.primaryPath()
		if err != nil {
			return false, err
		}
		if p.Current && p.State == sctpcore.Active && p.TxDataChunks > beyond {
			return true, nil
		}
		if err := s.wait(ctx, 2*time.Millisecond); err != nil {
			return false, err
		}
	}
	return false, nil
}

func (s *show) primaryPath() (dataplane.PathInfo, error) {
	paths, err := s.client.Paths()
	if err != nil {
		return dataplane.PathInfo{}, fmt.Errorf("paths: %w", err)
	}
	for _, p := range paths {
		if p.Dst.Netip() == primary {
			return p, nil
		}
	}
	return dataplane.PathInfo{}, fmt.Errorf("the association has no path to %s", primary)
}

// sentOnPrimary is how many chunks of DATA went to the primary so far.
func (s *show) sentOnPrimary() uint64 {
	p, err := s.primaryPath()
	if err != nil {
		return 0
	}
	return p.TxDataChunks
}

// switchBound is how long the timers may take to give a silent path up: a
// doubling RTO for each error that it may make (RFC 9260, section 8.2; with
// RFC 7829's threshold where that is on).
func (s *show) switchBound() time.Duration {
	errors := s.timers.PathMaxRetrans
	if s.timers.PFMaxRetrans >= 0 {
		errors = min(errors, s.timers.PFMaxRetrans)
	}
	total, rto := sctpcore.Time(0), s.timers.RTOInitial
	for range errors + 1 {
		total += rto
		rto = min(2*rto, s.timers.RTOMax)
	}
	return time.Duration(total) + grace
}

// returnBound is how long a mended path may take to be believed: a heartbeat
// interval, half of it again as jitter, and an RTO (RFC 9260, section 8.3).
func (s *show) returnBound() time.Duration {
	return time.Duration(s.timers.HBInterval*3/2+2*s.timers.RTOMax) + grace
}
