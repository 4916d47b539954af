package rig

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"time"
)

// subBits is the log2 of the buckets per power of two: a value is known to
// within 1/32.
const subBits = 5

// Histogram counts times in buckets whose width grows with the time, so that
// memory is fixed and every quantile is within 1/32 of the truth. The zero value
// is empty. One goroutine uses it.
type Histogram struct {
	counts [(65 - subBits) << subBits]uint64
	n      uint64
	sum    int64
	lo, hi int64
}

// bucket is the place of a value: below 2^subBits one each, above 2^subBits per
// power of two.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-subBits-1)
	return shift<<subBits + int(v>>shift)
}

// middle is the value in the middle of a bucket.
func middle(b int) int64 {
	shift := max(0, b>>subBits-1)
	low := uint64(b-shift<<subBits) << shift
	return int64(low + uint64(1)<<shift/2)
}

// Record counts one time; negative ones count as 0.
func (h *Histogram) Record(d time.Duration) {
	v := max(int64(d), 0)
	h.counts[bucket(uint64(v))]++
	if h.n == 0 || v < h.lo {
		h.lo = v
	}
	h.hi = max(h.hi, v)
	h.n++
	h.sum += v
}

// Merge adds what another has counted.
func (h *Histogram) Merge(o *Histogram) {
	if o.n == 0 {
		return
	}
	for i, c := range o.counts {
		h.counts[i] += c
	}
	if h.n == 0 || o.lo < h.lo {
		h.lo = o.lo
	}
	h.hi = max(h.hi, o.hi)
	h.n += o.n
	h.sum += o.sum
}

// Count is how many times were recorded.
func (h *Histogram) Count() uint64 { return h.n }

// Mean is their mean, 0 if there are none.
func (h *Histogram) Mean() time.Duration { return time.Duration(h.sum / int64(max(h.n, 1))) }

// Quantile is the time that the share q of all, 0 to 1, does not exceed: exact
// for 0 and 1, else to within 1/32; 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 || q <= 0 {
		return time.Duration(h.lo)
	}
	if q >= 1 {
		return time.Duration(h.hi)
	}
	rank, seen := uint64(q*float64(h.n)), uint64(0)
	for b, c := range h.counts {
		if seen += c; seen > rank {
			return time.Duration(min(max(middle(b), h.lo), h.hi))
		}
	}
	return time.Duration(h.hi)
}

// MarshalJSON writes what UnmarshalJSON reads: the buckets that are not empty.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	w := histogramJSON{N: h.n, Sum: h.sum, Lo: h.lo, Hi: h.hi, Counts: map[int]uint64{}}
	for b, c := range h.counts {
		if c > 0 {
			w.Counts[b] = c
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON replaces what was counted.
func (h *Histogram) UnmarshalJSON(text []byte) error {
	var w histogramJSON
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*h = Histogram{n: w.N, sum: w.Sum, lo: w.Lo, hi: w.Hi}
	for b, c := range w.Counts {
		if b < 0 || b >= len(h.counts) {
			return fmt.Errorf("rig: a histogram has no bucket %d", b)
		}
		h.counts[b] = c
	}
	return nil
}

// histogramJSON is a histogram on its way between processes.
type histogramJSON struct {
	N           uint64
	Sum, Lo, Hi int64
	Counts      map[int]uint64
}

// Beyond is how many times were longer than d, to within 1/32 of it.
func (h *Histogram) Beyond(d time.Duration) (n uint64) {
	for _, c := range h.counts[bucket(uint64(max(d, 0)))+1:] {
		n += c
	}
	return n
}

// String is the quantiles that are published.
func (h *Histogram) String() string {
	return fmt.Sprintf("n %d, min %v, p50 %v, p90 %v, p99 %v, p99.9 %v, max %v", h.n,
		h.Quantile(0), h.Quantile(0.5), h.Quantile(0.9), h.Quantile(0.99), h.Quantile(0.999), h.Quantile(1))
}
