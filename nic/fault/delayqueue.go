package fault

import "github.com/trunkline-sctp/trunkline/nic"

// heldFrame is a packet and when it may go; seq keeps the order of those that
// go at the same time.
type heldFrame struct {
	release int64
	seq     uint64
	pkt     *nic.Packet
}

func (f *heldFrame) before(g *heldFrame) bool {
	return f.release < g.release || f.release == g.release && f.seq < g.seq
}

// delayQueue is a heap of fixed capacity, the next frame to go on top.
type delayQueue struct {
	heap []heldFrame
	seq  uint64
}

func (q *delayQueue) len() int { return len(q.heap) }

// due tells whether the top may go at now.
func (q *delayQueue) due(now int64) bool { return len(q.heap) > 0 && q.heap[0].release <= now }

// push adds a packet behind those of the same release; false if full.
func (q *delayQueue) push(release int64, pkt *nic.Packet) bool {
	if len(q.heap) == cap(q.heap) {
		return false
	}
	q.seq++
	q.restore(heldFrame{release, q.seq, pkt})
	return true
}

// restore puts a frame in its place; there must be room.
func (q *delayQueue) restore(f heldFrame) {
	i := len(q.heap)
	q.heap = append(q.heap, f)
	for i > 0 {
		parent := (i - 1) / 2
		if !f.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = f
}

// pop removes the top; there must be one.
func (q *delayQueue) pop() heldFrame {
	top := q.heap[0]
	n := len(q.heap) - 1
	f := q.heap[n]
	q.heap[n] = heldFrame{}
	q.heap = q.heap[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && q.heap[child+1].before(&q.heap[child]) {
			child++
		}
		if !q.heap[child].before(&f) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = f
	return top
}
