package inet

import "github.com/trunkline-sctp/trunkline/nic"

// heldPool is the memory of all packets that wait for a MAC: a fixed number of
// nodes, each in one list or free.
type heldPool struct {
	nodes []heldNode
	free  int32 // index+1
}

type heldNode struct {
	pkt  *nic.Packet
	next int32 // index+1
}

// heldList is a first-in first-out list of nodes.
type heldList struct {
	head, tail int32 // index+1
	n          int
}

func newHeldPool(size int) heldPool {
	p := heldPool{nodes: make([]heldNode, size)}
	for i := size - 1; i >= 0; i-- {
		p.nodes[i].next, p.free = p.free, int32(i+1)
	}
	return p
}

// push appends pkt; false if every node is taken.
func (p *heldPool) push(l *heldList, pkt *nic.Packet) bool {
	i := p.free
	if i == 0 {
		return false
	}
	p.free = p.nodes[i-1].next
	p.nodes[i-1] = heldNode{pkt: pkt}
	p.link(l, i, i, 1)
	return true
}

// pop removes the oldest; nil if there is none.
func (p *heldPool) pop(l *heldList) *nic.Packet {
	i := l.head
	if i == 0 {
		return nil
	}
	node := &p.nodes[i-1]
	pkt := node.pkt
	l.head = node.next
	if l.n--; l.n == 0 {
		l.tail = 0
	}
	*node = heldNode{next: p.free}
	p.free = i
	return pkt
}

// move appends all of from to to.
func (p *heldPool) move(to, from *heldList) {
	if from.n > 0 {
		p.link(to, from.head, from.tail, from.n)
		*from = heldList{}
	}
}

func (p *heldPool) link(l *heldList, head, tail int32, n int) {
	if l.n == 0 {
		l.head = head
	} else {
		p.nodes[l.tail-1].next = head
	}
	l.tail = tail
	l.n += n
}

func (p *heldPool) drain(l *heldList, out []*nic.Packet) int {
	n := 0
	for n < len(out) && l.n > 0 {
		out[n] = p.pop(l)
		n++
	}
	return n
}
