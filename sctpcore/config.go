package sctpcore

import (
	"fmt"

	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Time is monotonic time in nanoseconds from an origin that the caller chooses.
// It is never negative and never goes backwards between two calls.
type Time int64

// Spans of Time, in nanoseconds.
const (
	Microsecond Time = 1000
	Millisecond      = 1000 * Microsecond
	Second           = 1000 * Millisecond
)

// Never is the deadline of something that is not going to happen.
const Never Time = 1<<63 - 1

// Timers is a timer profile: the protocol parameters of RFC 9260, section 16,
// and those of RFC 7829.
type Timers struct {
	RTOInitial Time // RTO.Initial
	RTOMin     Time // RTO.Min
	RTOMax     Time // RTO.Max

	MaxBurst          int  // Max.Burst, in packets per SACK; 0 is no limit
	AssocMaxRetrans   int  // Association.Max.Retrans
	PathMaxRetrans    int  // Path.Max.Retrans
	MaxInitRetrans    int  // Max.Init.Retransmits, over all addresses of the peer
	MaxInitTimeout    Time // the longest wait for an INIT ACK; 0 is RTOMax
	HBInterval        Time
	SACKDelay         Time // at most 500 ms (RFC 9260, section 6.2)
	ValidCookieLife   Time
	ShutdownGuard     Time // T5-shutdown-guard; 0 is 5 × RTO.Max
	PFMaxRetrans      int  // RFC 7829 PFMR: errors above this make a path potentially failed; negative is off
	PrimarySwitchover int  // RFC 7829 PSMR: errors above this make another path primary for good; negative is off
}

// RFC9260Timers are the values that RFC 9260, section 16, recommends, with
// quick failover off.
func RFC9260Timers() Timers {
	return Timers{
		RTOInitial: 1 * Second, RTOMin: 1 * Second, RTOMax: 60 * Second,
		MaxBurst: 4, AssocMaxRetrans: 10, PathMaxRetrans: 5, MaxInitRetrans: 8,
		HBInterval: 30 * Second, SACKDelay: 200 * Millisecond, ValidCookieLife: 60 * Second,
		PFMaxRetrans: -1, PrimarySwitchover: -1,
	}
}

// TelecomTimers are for signalling networks with round trips below a few
// milliseconds: a silent path loses its traffic within 50 ms (the bound that
// SDH sets for protection switching), by a small RTO and quick failover at the
// first missed acknowledgement (RFC 7829 with PFMR 0).
func TelecomTimers() Timers {
	return Timers{
		RTOInitial: 200 * Millisecond, RTOMin: 20 * Millisecond, RTOMax: 400 * Millisecond,
		MaxBurst: 16, AssocMaxRetrans: 20, PathMaxRetrans: 4, MaxInitRetrans: 8,
		HBInterval: 100 * Millisecond, SACKDelay: 4 * Millisecond, ValidCookieLife: 60 * Second,
		PFMaxRetrans: 0, PrimarySwitchover: -1,
	}
}

// Limits bound an endpoint's memory. What happens at each bound is said with
// it; nothing grows past it.
type Limits struct {
	Associations  int // new ones are refused: COOKIE ECHO unanswered, Associate fails with ErrLimit
	PathsPerAssoc int // addresses of a peer beyond this are ignored, at most 32
	InStreams     int // our MIS; DATA above it is answered with Invalid Stream Identifier
	OutStreams    int // our OS, unless Associate says less
	ReceiveBuffer int // bytes per association; our a_rwnd shrinks to 0 as it fills, then DATA is dropped
	SendBuffer    int // bytes per association accepted by Send and not yet acknowledged; then ErrWouldBlock
	MaxMessage    int // bytes of one message that Send takes; ErrMessageTooLong above
	// StoreMemory bounds, in bytes, the endpoint's memory for received data of
	// all its associations together; when it is used up DATA is dropped.
	StoreMemory int
	// AnswersPerSecond bounds packets sent in answer to packets that belong to
	// no association (out of the blue, INIT); more are dropped and counted.
	AnswersPerSecond int
}

// Bounds of Limits and Timers, for those who check a configuration before New does.
const (
	MaxAssociations = 1 << 20
	MaxPaths        = 32                // per association
	MaxStreams      = 65535             // RFC 9260, section 3.3.2: what INIT can say
	MinBuffer       = 4096              // bytes: the smallest receive and send buffer
	MaxSACKDelay    = 500 * Millisecond // RFC 9260, section 6.2
)

// DefaultLimits suit a process with some thousands of associations.
func DefaultLimits() Limits {
	return Limits{
		Associations: 100_000, PathsPerAssoc: 8, InStreams: 1024, OutStreams: 64,
		ReceiveBuffer: 1 << 20, SendBuffer: 1 << 20, MaxMessage: 512 << 10,
		StoreMemory: 256 << 20, AnswersPerSecond: 100_000,
	}
}

// Config is what New needs.
type Config struct {
	// Seed feeds every random choice: tags, initial TSNs, cookie keys, timer
	// jitter. Production takes it from crypto/rand, a test prints it.
	Seed [32]byte
	// Owner is written into the OwnerBits uppermost bits of every verification
	// tag that this endpoint chooses, so that a packet tells which of several
	// endpoints it is for (see wire.Packet and OwnerOf). OwnerBits is at most 8.
	Owner     uint8
	OwnerBits uint8
	Timers    Timers
	Limits    Limits
	// MTU bounds, in bytes, the IP packets that the endpoint makes before a
	// path has been given an MTU of its own by SetRoute; 0 is 1500.
	MTU int
}

// OwnerOf is the owner number in a verification tag chosen by an endpoint with
// the same ownerBits.
func OwnerOf(tag uint32, ownerBits uint8) uint8 {
	if ownerBits == 0 {
		return 0
	}
	return uint8(tag >> (32 - ownerBits))
}

// fault is what is wrong with the timers, nil if nothing.
func (t *Timers) fault() error {
	switch {
	case t.RTOMin <= 0 || t.RTOMax < t.RTOMin || t.RTOInitial < t.RTOMin || t.RTOInitial > t.RTOMax:
		return fmt.Errorf("sctpcore: timers want 0 < RTO.Min ≤ RTO.Initial ≤ RTO.Max, have %d, %d, %d ns", t.RTOMin, t.RTOInitial, t.RTOMax)
	case t.SACKDelay < 0 || t.SACKDelay > MaxSACKDelay:
		return fmt.Errorf("sctpcore: SACK delay of %d ns is not within 0 to 500 ms (RFC 9260, section 6.2)", t.SACKDelay)
	case t.HBInterval <= 0 || t.ValidCookieLife <= 0:
		return fmt.Errorf("sctpcore: HB.interval and Valid.Cookie.Life must be above 0")
	case t.AssocMaxRetrans < 0 || t.PathMaxRetrans < 0 || t.MaxInitRetrans < 0 || t.MaxBurst < 0:
		return fmt.Errorf("sctpcore: retransmission limits and Max.Burst must not be negative")
	}
	return nil
}

func (c *Config) validate() error {
	if err := c.Timers.fault(); err != nil {
		return err
	}
	l := &c.Limits
	switch {
	case c.OwnerBits > 8 || int(c.Owner) >= 1<<c.OwnerBits:
		return fmt.Errorf("sctpcore: owner %d does not fit in %d bits (at most 8)", c.Owner, c.OwnerBits)
	case l.Associations < 1 || l.Associations > MaxAssociations:
		return fmt.Errorf("sctpcore: %d associations is not within 1 to 1048576", l.Associations)
	case l.PathsPerAssoc < 1 || l.PathsPerAssoc > MaxPaths:
		return fmt.Errorf("sctpcore: %d paths per association is not within 1 to 32", l.PathsPerAssoc)
	case l.InStreams < 1 || l.InStreams > MaxStreams || l.OutStreams < 1 || l.OutStreams > MaxStreams:
		return fmt.Errorf("sctpcore: streams in each direction must be within 1 to 65535")
	case l.ReceiveBuffer < MinBuffer || l.SendBuffer < MinBuffer || l.StoreMemory < l.ReceiveBuffer:
		return fmt.Errorf("sctpcore: buffers must be at least 4096 bytes and the store at least one receive buffer")
	case l.MaxMessage < 1 || l.MaxMessage > l.SendBuffer:
		return fmt.Errorf("sctpcore: the largest message must be within 1 byte and the send buffer")
	case l.AnswersPerSecond < 1:
		return fmt.Errorf("sctpcore: AnswersPerSecond must be above 0")
	case c.MTU != 0 && (c.MTU < MinMTU || c.MTU > 65535):
		return fmt.Errorf("sctpcore: MTU of %d bytes is not within %d to 65535", c.MTU, MinMTU)
	}
	return nil
}

// MinMTU is the smallest IP packet size, in bytes, that the core works with.
const MinMTU = 576

// ipOverhead is the IP header that a path's MTU must leave room for.
func ipOverhead(a wire.Addr) int {
	if a.Is4() {
		return 20
	}
	return 40
}
