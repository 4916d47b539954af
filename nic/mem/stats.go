package mem

import "github.com/trunkline-sctp/trunkline/nic"

// Stats are the totals of all queues. Any thread.
func (p *Port) Stats() nic.Stats {
	var s nic.Stats
	for i := range p.rx {
		q := &p.rx[i]
		s.RxPackets += q.packets.Load()
		s.RxBytes += q.bytes.Load()
		s.RxMissed += q.missed.Load()
	}
	for i := range p.tx {
		q := &p.tx[i]
		s.TxPackets += q.packets.Load()
		s.TxBytes += q.bytes.Load()
		s.TxErrors += q.errors.Load()
	}
	return s
}

// XStats are the pool's size and free packets, the frames waiting in the rx
// rings, and those that were lost on the cable when the link went down. Any
// thread.
func (p *Port) XStats() []nic.XStat {
	var waiting, lost uint64
	for i := range p.rx {
		waiting += uint64(p.rx[i].ring.Len())
		lost += p.rx[i].lost.Load()
	}
	return []nic.XStat{
		{Name: "pool_size", Value: uint64(len(p.pool.packets))},
		{Name: "pool_free", Value: uint64(p.pool.available())},
		{Name: "rx_waiting", Value: waiting},
		{Name: "rx_lost_with_link", Value: lost},
	}
}
