package config

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Profile is the timer profile of a name, "telecom" or "rfc9260"; ok is false
// for any other.
func Profile(name string) (t sctpcore.Timers, ok bool) {
	switch name {
	case "telecom":
		return sctpcore.TelecomTimers(), true
	case "rfc9260":
		return sctpcore.RFC9260Timers(), true
	}
	return sctpcore.Timers{}, false
}

func (r *reader) readTimers(n ast.Node, f *File) {
	s := r.section(n, "timers.", "profile", "rto_initial", "rto_min", "rto_max", "max_burst",
		"association_max_retrans", "path_max_retrans", "max_init_retrans", "heartbeat_interval",
		"sack_delay", "cookie_life", "shutdown_guard", "pf_max_retrans", "primary_switchover")
	profile := "rfc9260"
	s.oneOf("profile", &profile, "rfc9260", "telecom")
	t, _ := Profile(profile)
	const hour = 3600 * sctpcore.Second
	s.duration("rto_initial", sctpcore.Microsecond, hour, &t.RTOInitial)
	s.duration("rto_min", sctpcore.Microsecond, hour, &t.RTOMin)
	s.duration("rto_max", sctpcore.Microsecond, hour, &t.RTOMax)
	s.num("max_burst", 0, 1<<20, &t.MaxBurst)
	s.num("association_max_retrans", 0, 1<<20, &t.AssocMaxRetrans)
	s.num("path_max_retrans", 0, 1<<20, &t.PathMaxRetrans)
	s.num("max_init_retrans", 0, 1<<20, &t.MaxInitRetrans)
	s.duration("heartbeat_interval", sctpcore.Millisecond, 24*hour, &t.HBInterval)
	s.duration("sack_delay", 0, sctpcore.MaxSACKDelay, &t.SACKDelay)
	s.duration("cookie_life", sctpcore.Millisecond, 24*hour, &t.ValidCookieLife)
	s.duration("shutdown_guard", 0, 24*hour, &t.ShutdownGuard)
	s.count("pf_max_retrans", -1, 1<<20, &t.PFMaxRetrans)
	s.count("primary_switchover", -1, 1<<20, &t.PrimarySwitchover)
	f.Timers = t
	r.checkRTO(s, profile, &t)
}

// checkRTO wants RTO.Min ≤ RTO.Initial ≤ RTO.Max (RFC 9260, section 16); it
// points at a value that the file gives, not at one that the profile brought.
func (r *reader) checkRTO(s *section, profile string, t *sctpcore.Timers) {
	pair := func(lowKey, highKey string, low, high sctpcore.Time) {
		if low <= high {
			return
		}
		at := s.at
		for _, k := range []string{highKey, lowKey} {
			if v := s.get(k); v != nil {
				at = v.GetToken()
			}
		}
		r.report(at, fmt.Sprintf("make rto_min ≤ rto_initial ≤ rto_max (what is not given is of profile %s)", profile),
			"timers.%s of %v is above timers.%s of %v", lowKey, time.Duration(low), highKey, time.Duration(high))
	}
	pair("rto_min", "rto_initial", t.RTOMin, t.RTOInitial)
	pair("rto_initial", "rto_max", t.RTOInitial, t.RTOMax)
}

func (r *reader) readLimits(n ast.Node, f *File) {
	s := r.section(n, "limits.", "associations", "paths_per_association", "in_streams", "out_streams",
		"receive_buffer", "send_buffer", "max_message", "store_memory", "answers_per_second")
	l := sctpcore.DefaultLimits()
	const most = 1 << 40
	s.num("associations", 1, sctpcore.MaxAssociations, &l.Associations)
	s.num("paths_per_association", 1, sctpcore.MaxPaths, &l.PathsPerAssoc)
	s.num("in_streams", 1, sctpcore.MaxStreams, &l.InStreams)
	s.num("out_streams", 1, sctpcore.MaxStreams, &l.OutStreams)
	s.size("receive_buffer", sctpcore.MinBuffer, most, &l.ReceiveBuffer)
	s.size("send_buffer", sctpcore.MinBuffer, most, &l.SendBuffer)
	s.size("max_message", 1, most, &l.MaxMessage)
	s.size("store_memory", sctpcore.MinBuffer, most, &l.StoreMemory)
	s.num("answers_per_second", 1, 1<<40, &l.AnswersPerSecond)
	f.Limits = l
	notAbove := func(small, large ast.Node, smallName, largeName string, a, b int) {
		if a <= b {
			return
		}
		at := s.at
		if large != nil {
			at = large.GetToken()
		}
		if small != nil {
			at = small.GetToken()
		}
		r.report(at, fmt.Sprintf("lower %s or raise %s", smallName, largeName),
			"limits.%s of %s is above limits.%s of %s", smallName, FormatSize(a), largeName, FormatSize(b))
	}
	notAbove(s.get("max_message"), s.get("send_buffer"), "max_message", "send_buffer", l.MaxMessage, l.SendBuffer)
	notAbove(s.get("receive_buffer"), s.get("store_memory"), "receive_buffer", "store_memory", l.ReceiveBuffer, l.StoreMemory)
}
