package fault

import "sync/atomic"

// Count is a thing that the wrapper does to frames, counted per direction.
type Count int

// Counts.
const (
	Lost             Count = iota // dropped by Loss
	Blackholed                    // dropped by Blackhole
	LinkDown                      // dropped since the link is down, or went down while the frame was held
	Overflowed                    // dropped since the delay queue was full
	Corrupted                     // one bit flipped
	Duplicated                    // a copy was made
	DuplicatesFailed              // no copy could be made: pool empty, or the frame too long for a packet
	Reordered                     // held longer by Reorder
	countsEnd
)

var countNames = [countsEnd]string{
	"lost", "blackholed", "link_down", "overflowed",
	"corrupted", "duplicated", "duplicates_failed", "reordered",
}

// String is the count's name in XStats, behind "fault_rx_" or "fault_tx_".
func (c Count) String() string { return countNames[c] }

type counts [countsEnd]atomic.Uint64

func (c *counts) inc(what Count) { c[what].Add(1) }
