package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Options of an Observer.
type Options struct {
	Node    string // "" is the host's name
	Version string
	Logger  *slog.Logger // of events that the Log missed; nil is silence
}

// Times of an Observer.
const (
	interval = time.Second     // from one sample to the next
	patience = 2 * time.Second // for workers that are asked
	overdue  = time.Second     // without an answer: a worker is stuck
)

// Observer watches one dataplane. Any goroutine may call any method.
type Observer struct {
	d       *dataplane.Dataplane
	opt     Options
	started time.Time
	log     *Log
	feed    *dataplane.Feed
	stop    chan struct{}
	closing sync.Once
	done    sync.WaitGroup

	walking  chan struct{} // held by who asks workers for associations
	patience time.Duration

	mu      sync.Mutex
	totals  dataplane.Totals // of the last sample
	state   State            // the same, for people
	sampled time.Time
	history history
	pages   map[pageKey]page // of this second
}

// New begins to watch a dataplane, until Close. Its ports must stay open as long.
func New(d *dataplane.Dataplane, opt Options) (*Observer, error) {
	o, err := prepare(d, opt)
	if err != nil {
		return nil, err
	}
	o.done.Add(2)
	go o.run()
	go o.follow()
	return o, nil
}

// prepare is New without the goroutines.
func prepare(d *dataplane.Dataplane, opt Options) (*Observer, error) {
	if opt.Node == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("observe: the host has no name to show, configure one: %w", err)
		}
		opt.Node = name
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	o := &Observer{d: d, opt: opt, started: time.Now(), log: newLog(), feed: d.Subscribe(feedRoom),
		stop: make(chan struct{}), walking: make(chan struct{}, 1), patience: patience}
	o.sample(o.started)
	return o, nil
}

// Close stops watching, and ends followers of the Log when they have read it. A worker that is
// stuck in a driver is not waited for for ever.
func (o *Observer) Close() {
	o.closing.Do(func() {
		close(o.stop)
		o.feed.Close()
		done := make(chan struct{})
		go func() {
			o.done.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(o.patience):
		}
		o.log.close()
	})
}

// Log is what happens.
func (o *Observer) Log() *Log { return o.log }

// History is the rates of the last ten minutes.
func (o *Observer) History() History {
	o.mu.Lock()
	defer o.mu.Unlock()
	return History{Points: o.history.points()}
}

// Health is nil while every worker comes round to answer, and else names those that do not. It
// asks them now, and waits until ctx is done, or for a second if ctx has no deadline.
func (o *Observer) Health(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, overdue)
		defer cancel()
	}
	if stuck := o.d.Stuck(ctx); len(stuck) > 0 {
		return fmt.Errorf("stuck workers: %v; they do not come back from a port's driver", stuck)
	}
	return nil
}

func (o *Observer) run() {
	defer o.done.Done()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-o.stop:
			return
		case now := <-tick.C:
			o.sample(now)
		}
	}
}

// sample asks the workers for their counters.
func (o *Observer) sample(now time.Time) {
	t := o.d.Totals()
	s := o.stateOf(&t, now)
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.sampled.IsZero() {
		o.history.add(pointOf(&o.totals, &t, now))
	}
	o.totals, o.state, o.sampled, o.pages = t, s, now, nil
}

// Want is what a State is to have.
type Want struct {
	Ports, Drops, Counters, Workers, Assocs bool

	// Of Assocs: those after the one with this ID (Assoc.ID, State.Next), which may be gone;
	// "" is from the first one.
	After string
	Limit int    // at most MaxAssocs; 0 is DefaultAssocs
	Assoc string // this one only

	// WorstFirst is for people, who must not miss a path in trouble among many: those whose
	// plight is worse come before others, and After makes no sense. Else they are in the
	// order of their IDs, so that who was shown stays shown, and all can be had part by part.
	WorstFirst bool
}

// Bounds of Want.Limit.
const (
	DefaultAssocs = 1000
	MaxAssocs     = 10000
)

// ErrWant is what State gives, wrapped, for a Want that makes no sense.
var ErrWant = errors.New("observe: no such part of a state")

// ErrStuck is what State gives, wrapped, for associations of a worker that does not answer.
var ErrStuck = errors.New("observe: a worker does not answer")

// State is the dataplane at most a second ago. Its lists are shared with everybody who asks
// in the same second: do not change them.
func (o *Observer) State(w Want) (State, error) {
	o.mu.Lock()
	s := o.state
	o.mu.Unlock()
	if !w.Ports {
		s.Ports = nil
	}
	if !w.Drops {
		s.Drops = nil
	}
	if !w.Counters {
		s.Counters = nil
	}
	if !w.Workers {
		s.Workers = nil
	}
	if !w.Assocs {
		return s, nil
	}
	p, err := o.page(w)
	s.Assocs, s.Next = p.assocs, p.next
	if w.WorstFirst && p.more {
		s.Hidden = s.hidden()
	}
	return s, err
}

// hidden is what a limit kept out of Assocs.
func (s *State) hidden() Hidden {
	h := Hidden{Associations: max(1, s.Associations-len(s.Assocs))}
	if s.Assocs[len(s.Assocs)-1].Plight == Well {
		return h // and so are all that would come after it
	}
	for _, p := range s.Plights {
		if p.Plight != Well {
			h.Troubled += p.Count
		}
	}
	h.Troubled = max(0, h.Troubled-len(s.Assocs))
	return h
}

// wall is a time of the dataplane's clock as one of the calendar.
func (o *Observer) wall(t sctpcore.Time) time.Time {
	return time.Now().Add(time.Duration(t - o.d.Now()))
}
