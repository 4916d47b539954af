package sctpcore

import "math/rand/v2"

// road carries packets one way: it delays, spaces, loses and displaces them. What
// befalls the n-th packet with user data depends on the seed and n alone, so that
// two senders which send the same meet the same fate.
type road[T any] struct {
	delay   Time
	spacing Time // between two packets: the line's rate, where it is not the bottleneck
	loss    int  // packets lost in 1000
	jumble  int  // packets displaced in 1000 …
	reach   int  // … by up to so many positions
	seed    uint64
	cut     bool // nothing gets through

	n     uint64
	free  Time // when the line has sent what it was given
	queue []parcel[T]
	held  []parcel[T]
}

type parcel[T any] struct {
	at   Time
	data bool
	by   int // positions it is still to fall back
	what T
}

// put sends a packet; data tells that it carries user data.
func (r *road[T]) put(now Time, what T, data bool) {
	p := parcel[T]{at: max(now, r.free) + r.delay, data: data, what: what}
	r.free = max(now, r.free) + r.spacing
	if data {
		fate := rand.New(rand.NewPCG(r.seed, r.n))
		r.n++
		if fate.IntN(1000) < r.loss {
			return
		}
		if fate.IntN(1000) < r.jumble {
			p.by = 1 + fate.IntN(r.reach)
		}
	}
	if !r.cut {
		r.queue = append(r.queue, p)
	}
}

// next is when a packet arrives. One that was held back waits for those that pass
// it no longer than the delay of the road.
func (r *road[T]) next() Time {
	t := Never
	if len(r.queue) > 0 {
		t = r.queue[0].at
	}
	for i := range r.held {
		if r.held[i].by == 0 {
			t = min(t, r.held[i].at)
		} else {
			t = min(t, r.held[i].at+r.delay)
		}
	}
	return t
}

// take gives one packet that has arrived by now.
func (r *road[T]) take(now Time) (what T, ok bool) {
	for {
		for i, p := range r.held {
			if p.by == 0 && p.at <= now || p.at+r.delay <= now {
				r.held = append(r.held[:i:i], r.held[i+1:]...)
				return p.what, true
			}
		}
		if len(r.queue) == 0 || r.queue[0].at > now {
			return what, false
		}
		p := r.queue[0]
		r.queue = r.queue[1:]
		if p.by > 0 {
			r.held = append(r.held, p)
			continue
		}
		if p.data {
			r.passed(now)
		}
		return p.what, true
	}
}

// passed has a packet fall back behind the one that arrives now.
func (r *road[T]) passed(now Time) {
	for i := range r.held {
		if p := &r.held[i]; p.by > 0 {
			if p.by--; p.by == 0 {
				p.at = now + r.spacing/2
			}
		}
	}
}

// theory is a sender with endless data and a receiver as RFC 9260 tells them, in
// sections 6.1 to 6.3 and 7.2, written from its text and not from our code: one
// chunk fills one packet, the peer's window never closes, one path.
type theory struct {
	timers Timers
	bursts bool // the receiver acknowledges a burst at once, as ours does
	now    Time
	there  road[int]
	back   road[theorySack]

	// The sender; sizes in packets, since all are equal, and times PMDCS in bytes.
	cwnd, ssthresh, partial float64 // partial_bytes_acked
	chunks                  []theoryChunk
	cum                     int // Cumulative TSN Ack Point
	recovering              bool
	exit                    int
	alone                   bool // after T3-rtx: one packet in flight
	t3                      Time
	rto, srtt, rttvar       Time
	timing                  int // chunk whose round trip is measured, -1 for none
	timed                   Time

	// The receiver.
	got      []bool
	inOrder  int  // all up to here have come
	unacked  int  // packets since the last SACK
	due      bool // a SACK, when the burst has been seen
	ackTimer Time
}

type theoryChunk struct {
	acked, lost, fast, again bool
	misses                   int
}

// theorySack has a TSN's place in got as true when a gap block covers it.
type theorySack struct {
	cum int
	gap []bool // of cum+1 and on
}

func newTheory(t Timers, there road[int], back road[theorySack]) *theory {
	return &theory{timers: t, there: there, back: back, cwnd: 3, ssthresh: 1 << 20,
		cum: -1, inOrder: -1, t3: Never, ackTimer: Never, rto: t.RTOInitial, timing: -1}
}

// run goes on until end and tells how many packets the receiver has got.
func (s *theory) run(end Time) int {
	for {
		s.send(0)
		next := min(s.there.next(), s.back.next(), s.t3, s.ackTimer)
		if next > end {
			s.now = end
			break
		}
		s.now = next
		for {
			n, ok := s.there.take(s.now)
			if !ok {
				break
			}
			s.arrive(n)
		}
		if s.due || s.ackTimer <= s.now {
			s.sack()
		}
		for {
			k, ok := s.back.take(s.now)
			if !ok {
				break
			}
			s.handle(k)
		}
		if s.t3 <= s.now {
			s.expire()
		}
	}
	n := 0
	for _, g := range s.got {
		if g {
			n++
		}
	}
	return n
}

// arrive is section 6.2 of the receiver: every second packet, and each while there
// is a hole or a duplicate, is acknowledged at once.
func (s *theory) arrive(n int) {
	for len(s.got) <= n {
		s.got = append(s.got, false)
	}
	duplicate := s.got[n]
	s.got[n] = true
	for s.inOrder+1 < len(s.got) && s.got[s.inOrder+1] {
		s.inOrder++
	}
	s.unacked++
	if s.unacked >= 2 || duplicate || s.inOrder+1 < len(s.got) {
		if s.due = s.bursts; !s.due {
			s.sack()
		}
	} else if s.ackTimer == Never {
		s.ackTimer = s.now + s.timers.SACKDelay
	}
}

func (s *theory) sack() {
	s.unacked, s.due, s.ackTimer = 0, false, Never
	s.back.put(s.now, theorySack{s.inOrder, append([]bool(nil), s.got[s.inOrder+1:]...)}, true)
}

func (s *theory) flight() float64 {
	n := 0.0
	for _, c := range s.chunks[s.cum+1:] {
		if !c.acked && !c.lost {
			n++
		}
	}
	return n
}

// earliest is the lowest outstanding TSN, past the last one if there is none.
func (s *theory) earliest() int {
	for i := s.cum + 1; i < len(s.chunks); i++ {
		if c := &s.chunks[i]; !c.acked && !c.lost {
			return i
		}
	}
	return len(s.chunks)
}

// handle is 6.2.1, 6.3.2 and 7.2.
func (s *theory) handle(k theorySack) {
	if k.cum < s.cum {
		return
	}
	flight, earliest := s.flight(), s.earliest()
	acked, newest := 0, -1
	acknowledge := func(i int) {
		if c := &s.chunks[i]; !c.acked {
			if s.timing == i {
				s.measure(c)
			}
			c.acked, c.lost = true, false
			acked++
			newest = max(newest, i)
		}
	}
	advanced := k.cum > s.cum
	for i := s.cum + 1; i <= k.cum; i++ {
		acknowledge(i)
	}
	for j, g := range k.gap {
		if g {
			acknowledge(k.cum + 1 + j)
		}
	}
	s.cum = k.cum
	if s.recovering && s.cum >= s.exit {
		s.recovering = false
	}
	if acked > 0 {
		s.alone = false
	}
	s.grow(float64(acked), flight)
	switch left := s.earliest(); {
	case left == len(s.chunks):
		s.t3, s.partial = Never, 0
	case earliest < len(s.chunks) && s.chunks[earliest].acked:
		s.t3 = s.now + s.rto
	}
	s.miss(k, advanced, newest)
	s.send(acked)
}

// grow is 7.2.1 and 7.2.2.
func (s *theory) grow(acked, flight float64) {
	full := flight >= s.cwnd
	switch {
	case s.cwnd <= s.ssthresh:
		if full && !s.recovering {
			l := 1.0
			if s.bursts {
				l = max(1, acked/2) // what SACKs for every second packet would have given
			}
			s.cwnd += min(acked, l)
		}
	default:
		s.partial += acked
		switch {
		case s.partial >= s.cwnd && full:
			s.partial -= s.cwnd
			s.cwnd++
		case s.partial > s.cwnd:
			s.partial = s.cwnd
		}
	}
}

// miss is 7.2.4.
func (s *theory) miss(k theorySack, advanced bool, newest int) {
	last := -1 // the highest TSN that the SACK reports
	for j, g := range k.gap {
		if g {
			last = k.cum + 1 + j
		}
	}
	limit := newest
	if s.recovering && advanced {
		limit = last
	}
	marked := -1
	for i := s.cum + 1; i < limit; i++ {
		c := &s.chunks[i]
		if c.acked || c.lost || c.fast {
			continue
		}
		if c.misses++; c.misses >= 3 {
			if marked < 0 {
				marked = i
			}
			c.lost, c.fast = true, true
		}
	}
	if marked < 0 || s.recovering {
		return
	}
	s.ssthresh = max(s.cwnd/2, 4)
	s.cwnd, s.partial = s.ssthresh, 0
	s.recovering, s.exit = true, len(s.chunks)-1
	first := marked < s.earliest()
	s.transmit(marked)
	if first {
		s.t3 = s.now + s.rto
	}
}

// send is 6.1: what is marked first, then new data, in bursts of at most Max.Burst
// packets beyond what was acknowledged.
func (s *theory) send(acked int) {
	flight := s.flight()
	may := func() bool { return flight < s.cwnd && !(s.alone && flight > 0) }
	for i := s.cum + 1; i < len(s.chunks); i++ {
		if s.chunks[i].lost {
			if !may() {
				return
			}
			s.transmit(i)
			flight++
		}
	}
	for burst := s.timers.MaxBurst + acked; burst > 0 && may(); burst-- {
		s.chunks = append(s.chunks, theoryChunk{})
		n := len(s.chunks) - 1
		if s.timing < 0 {
			s.timing, s.timed = n, s.now
		}
		s.transmit(n)
		flight++
	}
}

func (s *theory) transmit(i int) {
	c := &s.chunks[i]
	if c.lost {
		c.lost, c.again = false, true
	}
	if s.t3 == Never {
		s.t3 = s.now + s.rto
	}
	s.there.put(s.now, i, true)
}

// expire is 6.3.3.
func (s *theory) expire() {
	s.ssthresh = max(s.cwnd/2, 4)
	s.cwnd, s.partial, s.alone, s.recovering = 1, 0, true, false
	s.rto = min(2*s.rto, s.timers.RTOMax)
	s.t3 = Never
	for i := s.cum + 1; i < len(s.chunks); i++ {
		if c := &s.chunks[i]; !c.acked {
			c.lost = true
		}
	}
}

// measure is 6.3.1.
func (s *theory) measure(c *theoryChunk) {
	s.timing = -1
	if c.again || c.lost {
		return
	}
	r := s.now - s.timed
	if s.srtt == 0 {
		s.srtt, s.rttvar = r, r/2
	} else {
		s.rttvar = (3*s.rttvar + max(s.srtt-r, r-s.srtt)) / 4
		s.srtt = (7*s.srtt + r) / 8
	}
	s.rto = min(max(s.srtt+4*s.rttvar, s.timers.RTOMin), s.timers.RTOMax)
}
