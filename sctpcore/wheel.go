package sctpcore

import "math/bits"

// The timing wheel: four levels of 256 slots over ticks of 2^17 ns (131 µs),
// which reaches 6.5 days; later deadlines are clipped to that and looked at again.
// Each association is in it at most once, at or before its earliest deadline:
// moving a deadline to later costs nothing until the old one comes up.
const (
	wheelTickShift = 17
	wheelBits      = 8
	wheelSlots     = 1 << wheelBits
	wheelLevels    = 4
	wheelMaxDelta  = 1<<(wheelBits*wheelLevels) - 1
)

// wheelNode is an association's place in the wheel; links are index+1, 0 is none.
type wheelNode struct {
	next, prev uint32
	at         int64 // tick
	level      int8  // -1: not in the wheel
	slot       uint8
}

type wheel struct {
	now   int64 // tick up to which everything has been expired
	heads [wheelLevels][wheelSlots]uint32
	used  [wheelLevels][wheelSlots / 64]uint64
	nodes []wheelNode
	// soonest is the tick that next gives, while known; next looks through 16 words.
	soonest int64
	known   bool
}

// begins is the tick at which node n's slot comes up.
func (n *wheelNode) begins() int64 {
	shift := wheelBits * int(n.level)
	return n.at >> shift << shift
}

// tickAfter is the first tick that is not before t.
func tickAfter(t Time) int64 { return (int64(t) + 1<<wheelTickShift - 1) >> wheelTickShift }

// grow makes room for node i.
func (w *wheel) grow(i uint32) {
	for uint32(len(w.nodes)) <= i {
		w.nodes = append(w.nodes, wheelNode{level: -1})
	}
}

// schedule puts node i at time t, or leaves it where it is if that is earlier.
func (w *wheel) schedule(i uint32, t Time) {
	if t == Never {
		return
	}
	n := &w.nodes[i]
	at := max(tickAfter(t), w.now+1)
	if n.level >= 0 {
		if n.at <= at {
			return
		}
		w.remove(i)
	}
	n.at = min(at, w.now+wheelMaxDelta)
	w.insert(i)
}

func (w *wheel) insert(i uint32) {
	n := &w.nodes[i]
	delta := n.at - w.now
	level := 0
	for delta >= wheelSlots && level < wheelLevels-1 {
		delta >>= wheelBits
		level++
	}
	n.level, n.slot = int8(level), uint8(n.at>>(wheelBits*level))
	head := &w.heads[level][n.slot]
	n.prev, n.next = 0, *head
	if *head != 0 {
		w.nodes[*head-1].prev = i + 1
	}
	*head = i + 1
	w.used[level][n.slot/64] |= 1 << (n.slot % 64)
	if w.known {
		w.soonest = min(w.soonest, n.begins())
	}
}

// remove takes node i out, if it is in.
func (w *wheel) remove(i uint32) {
	n := &w.nodes[i]
	if n.level < 0 {
		return
	}
	w.known = w.known && n.begins() > w.soonest
	if n.next != 0 {
		w.nodes[n.next-1].prev = n.prev
	}
	if n.prev != 0 {
		w.nodes[n.prev-1].next = n.next
	} else {
		w.heads[n.level][n.slot] = n.next
		if n.next == 0 {
			w.used[n.level][n.slot/64] &^= 1 << (n.slot % 64)
		}
	}
	n.next, n.prev, n.level = 0, 0, -1
}

// distance is how many slots after slot from, 1 to 256, the next used slot of a
// level comes; 0 if the level is empty.
func (w *wheel) distance(level int, from uint8) int64 {
	words := &w.used[level]
	start := int(from) + 1
	for d := 0; d < wheelSlots; {
		s := (start + d) % wheelSlots
		word := words[s/64] >> (s % 64)
		if word != 0 {
			d += bits.TrailingZeros64(word)
			if d < wheelSlots {
				return int64(d + 1)
			}
			return 0
		}
		d += 64 - s%64
	}
	return 0
}

// next is the tick at which the earliest slot of any level comes up, and the highest
// level of which a slot does.
func (w *wheel) next() (tick int64, level int, ok bool) {
	for l := range wheelLevels {
		shift := wheelBits * l
		if d := w.distance(l, uint8(w.now>>shift)); d != 0 {
			at := (w.now>>shift + d) << shift
			if !ok || at <= tick {
				tick, level, ok = at, l, true
			}
		}
	}
	return tick, level, ok
}

// nextDeadline is the time of the earliest slot, Never if the wheel is empty.
func (w *wheel) nextDeadline() Time {
	if !w.known {
		tick, _, ok := w.next()
		if !ok {
			return Never
		}
		w.soonest, w.known = tick, true
	}
	return Time(w.soonest << wheelTickShift)
}

// expire moves the wheel to now and appends every node that has come up, taken
// out of the wheel, to due.
func (w *wheel) expire(now Time, due []uint32) []uint32 {
	target := int64(now) >> wheelTickShift
	if w.known && w.soonest > target {
		w.now = max(w.now, target)
		return due
	}
	w.known = false
	for {
		tick, level, ok := w.next()
		if !ok || tick > target {
			w.now = max(w.now, target)
			return due
		}
		w.now = tick
		// Slots of the levels below begin here, too. Left where they are they would be
		// taken for the slots of the next turn.
		for ; level >= 0; level-- {
			due = w.empty(level, due)
		}
	}
}

// empty takes all nodes out of the slot of a level that begins now: those that have
// come up go to due, the others to levels below.
func (w *wheel) empty(level int, due []uint32) []uint32 {
	head := &w.heads[level][uint8(w.now>>(wheelBits*level))]
	for *head != 0 {
		i := *head - 1
		w.remove(i)
		if w.nodes[i].at <= w.now {
			due = append(due, i)
		} else {
			w.insert(i)
		}
	}
	return due
}
