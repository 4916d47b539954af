package fault

import (
	"sync"

	"github.com/trunkline-sctp/trunkline/nic"
)

// lane is one queue in one direction.
type lane struct {
	mu      sync.Mutex
	dice    dice
	held    delayQueue
	latest  int64 // release of the last frame that kept its place
	scratch [nic.MaxBurst]*nic.Packet
	out     [nic.MaxBurst]heldFrame
	one     [1]*nic.Packet
	gone    [2 * nic.MaxBurst]*nic.Packet // dropped of this burst and its duplicates
	dropped int
	_       [128]byte
}

// dice is the splitmix64 generator.
type dice uint64

func (d *dice) roll() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seeded gives each lane dice of its own.
func seeded(seed uint64, direction, queue int) dice {
	d := dice(seed)
	return dice(d.roll() ^ uint64(queue)<<1 ^ uint64(direction))
}

// rolls are the random numbers of one frame. Every frame takes all of them, so
// that a change of one probability leaves the other decisions as they were.
type rolls struct {
	loss, duplicate, corrupt, reorder uint64 // 53 bits each
	bit, jitter                       uint64
}

func (d *dice) rolls() rolls {
	return rolls{
		loss: d.roll() >> 11, duplicate: d.roll() >> 11, corrupt: d.roll() >> 11, reorder: d.roll() >> 11,
		bit: d.roll(), jitter: d.roll(),
	}
}

// hold queues a packet for its release; false if the queue is full.
func (l *lane) hold(pkt *nic.Packet, r *rules, roll *rolls, now int64) (reordered, ok bool) {
	release := now + r.delay
	if r.jitter > 0 {
		release += int64(roll.jitter % uint64(r.jitter+1))
	}
	reordered = roll.reorder < r.reorder
	if reordered {
		release += r.reorderDelay
	} else {
		release = max(release, l.latest)
	}
	if !l.held.push(release, pkt) {
		return false, false
	}
	if !reordered {
		l.latest = release
	}
	return reordered, true
}

// free frees one packet without allocating a slice for it.
func (l *lane) free(pkt *nic.Packet) {
	l.one[0] = pkt
	nic.Free(l.one[:])
}

// purge frees everything held and returns how many that were.
func (l *lane) purge() int {
	n := 0
	for ; l.held.len() > 0; n++ {
		l.free(l.held.pop().pkt)
	}
	l.latest = 0
	return n
}
