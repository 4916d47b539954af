package observe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// pageKey is which associations.
type pageKey struct {
	after, only dataplane.AssocName
	limit       int
	worst       bool
}

// page is a part of the associations, shared by all who ask for it in the same second.
type page struct {
	assocs []Assoc
	next   string
	more   bool // the limit kept others out
}

// maxPages bounds the pages that are kept for others.
const maxPages = 16

func (w *Want) key() (k pageKey, err error) {
	if w.After != "" {
		if k.after, err = dataplane.ParseAssocName(w.After); err != nil {
			return k, fmt.Errorf("%w: %w", ErrWant, err)
		}
	}
	if w.Assoc != "" {
		if k.only, err = dataplane.ParseAssocName(w.Assoc); err != nil {
			return k, fmt.Errorf("%w: %w", ErrWant, err)
		}
	}
	k.worst = w.WorstFirst
	switch {
	case w.WorstFirst && w.After != "":
		return k, fmt.Errorf("%w: with the worst first there is no after", ErrWant)
	case w.Limit < 0 || w.Limit > MaxAssocs:
		return k, fmt.Errorf("%w: limit %d is not from 1 to %d", ErrWant, w.Limit, MaxAssocs)
	case w.Limit == 0:
		k.limit = DefaultAssocs
	default:
		k.limit = w.Limit
	}
	return k, nil
}

// page asks the workers for a part of their associations, or takes what somebody else
// has asked for. One asks at a time.
func (o *Observer) page(w Want) (page, error) {
	k, err := w.key()
	if err != nil {
		return page{}, err
	}
	timeout := time.After(o.patience)
	select {
	case o.walking <- struct{}{}:
	case <-timeout:
		return page{}, ErrStuck
	}
	o.mu.Lock()
	p, ok := o.pages[k]
	of := o.sampled
	o.mu.Unlock()
	if ok {
		<-o.walking
		return p, nil
	}
	done := make(chan page, 1)
	go func() {
		defer func() { <-o.walking }()
		p := o.walk(k)
		o.keep(k, p, of)
		done <- p
	}()
	select {
	case p := <-done:
		return p, nil
	case <-timeout:
		return page{}, ErrStuck
	}
}

func (o *Observer) keep(k pageKey, p page, of time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sampled != of {
		return
	}
	if o.pages == nil {
		o.pages = make(map[pageKey]page)
	}
	if len(o.pages) < maxPages {
		o.pages[k] = p
	}
}

func (o *Observer) walk(k pageKey) (p page) {
	p.assocs = []Assoc{}
	if k.only.ID != 0 {
		if s, ok := o.d.Assoc(k.only); ok {
			p.assocs = append(p.assocs, o.assocOf(&s))
		}
		return p
	}
	walk := o.d.Walk(k.after)
	if k.worst {
		walk = o.d.WalkWorst()
	}
	met := map[dataplane.AssocName]bool{} // one whose plight changes is met again
	for {
		batch := walk.Next(k.limit - len(p.assocs) + 1) // one more shows that there are more
		if len(batch) == 0 {
			return p
		}
		for i := range batch {
			if met[batch[i].Name] {
				continue
			}
			if p.more = len(p.assocs) == k.limit; p.more {
				if !k.worst {
					p.next = p.assocs[k.limit-1].ID
				}
				return p
			}
			met[batch[i].Name] = true
			p.assocs = append(p.assocs, o.assocOf(&batch[i]))
		}
	}
}

func (o *Observer) assocOf(s *dataplane.AssocSnapshot) Assoc {
	a := Assoc{ID: s.Name.String(), State: s.State.String(), Plight: s.Plight.String(), Since: o.wall(s.Since), Worker: int(s.Name.Worker),
		LocalPort: s.LocalPort, PeerPort: s.PeerPort, Local: make([]netip.Addr, len(s.LocalAddrs)),
		InStreams: s.InStreams, OutStreams: s.OutStreams, Paths: make([]Path, len(s.Paths)), Features: features(s.Features),
		TxMessages: s.TxMessages, RxMessages: s.RxMessages, TxChunks: s.TxDataChunks, RxChunks: s.RxDataChunks,
		Retransmitted: s.RetransmittedChunks, Timeouts: s.Timeouts,
		SendQueued: s.SendQueued, InFlight: s.InFlight, ReceiveQueued: s.ReceiveQueued, PeerRwnd: s.PeerRwnd, Errors: s.ErrorCount}
	for i, l := range s.LocalAddrs {
		a.Local[i] = l.Netip()
	}
	for i := range s.Paths {
		a.Paths[i] = pathOf(&s.Paths[i])
	}
	return a
}

func features(f sctpcore.Features) (names []string) {
	if f&sctpcore.FeatureAuth != 0 {
		names = append(names, "auth")
	}
	if f&sctpcore.FeatureAsconf != 0 {
		names = append(names, "asconf")
	}
	return names
}

func pathOf(p *dataplane.PathInfo) Path {
	return Path{Dst: p.Dst.Netip(), Src: p.Src.Netip(), Port: p.Port, State: p.State.String(),
		Primary: p.Primary, Current: p.Current, LinkDown: p.LinkDown,
		RTO: ms(p.RTO), SRTT: ms(p.SRTT), RTTVar: ms(p.RTTVar),
		Cwnd: p.Cwnd, Ssthresh: p.Ssthresh, Flight: p.Flight, MTU: p.MTU, Errors: p.ErrorCount,
		TxPackets: p.TxPackets, TxChunks: p.TxDataChunks, Retransmits: p.Retransmits, Timeouts: p.Timeouts,
		HBSent: p.HeartbeatsSent, HBAcked: p.HeartbeatsAcked}
}

// ms is milliseconds.
func ms(t sctpcore.Time) float64 { return float64(t) / float64(sctpcore.Millisecond) }

// seconds is seconds.
func seconds(t sctpcore.Time) float64 { return float64(t) / float64(sctpcore.Second) }
