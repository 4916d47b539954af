package inet

// Bucket limits how often something is done: at most rate times per second on
// average and burst times at once. One thread.
type Bucket struct {
	interval int64 // nanoseconds per token
	depth    int64 // nanoseconds of credit when full
	spent    int64 // the time up to which credit is used
}

// NewBucket makes a full bucket; rate below 1 is one that never gives.
func NewBucket(rate, burst int) Bucket {
	if rate < 1 {
		return Bucket{}
	}
	interval := max(1, Second/int64(rate))
	return Bucket{interval: interval, depth: interval * int64(max(1, burst)), spent: -1 << 62}
}

// Take takes one token if there is one.
func (b *Bucket) Take(now int64) bool {
	if b.interval == 0 {
		return false
	}
	spent := max(b.spent, now-b.depth) + b.interval
	if spent > now {
		return false
	}
	b.spent = spent
	return true
}
