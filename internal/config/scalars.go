package config

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// text is the scalar n as it is written; what says what was expected.
func (r *reader) text(n ast.Node, name, what string) (string, bool) {
	switch n.Type() {
	case ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType, ast.LiteralType:
		if lit, ok := n.(*ast.LiteralNode); ok {
			return strings.TrimSpace(lit.Value.Value), true
		}
		return n.GetToken().Value, true
	}
	r.report(n.GetToken(), "write "+what, "%s must be %s, not %s", name, what, kind(n))
	return "", false
}

// str reads a string.
func (s *section) str(key, what string, dst *string) {
	if n := s.get(key); n != nil {
		if v, ok := s.r.text(n, s.path+key, what); ok {
			*dst = v
		}
	}
}

// oneOf reads one of a few words.
func (s *section) oneOf(key string, dst *string, words ...string) {
	n := s.get(key)
	if n == nil {
		return
	}
	what := "one of " + strings.Join(words, ", ")
	v, ok := s.r.text(n, s.path+key, what)
	if !ok {
		return
	}
	for _, w := range words {
		if v == w {
			*dst = v
			return
		}
	}
	mend := "use " + what
	if near := nearest(v, words); near != "" {
		mend = fmt.Sprintf("did you mean %q? It is %s", near, what)
	}
	s.r.report(n.GetToken(), mend, "%s%s: %q is not known", s.path, key, v)
}

// num reads an integer within [low, high].
func (s *section) num(key string, low, high int, dst *int) {
	if n := s.get(key); n != nil {
		s.r.num(n, s.path+key, low, high, dst)
	}
}

func (r *reader) num(n ast.Node, name string, low, high int, dst *int) bool {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	v, ok := r.text(n, name, want)
	if !ok {
		return false
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(v, "_", ""), 0, 64)
	switch {
	case err != nil:
		r.report(n.GetToken(), "write "+want, "%s: %q is not a whole number", name, v)
		return false
	case i < int64(low):
		r.report(n.GetToken(), "use "+want, "%s: %d is too small", name, i)
		return false
	case i > int64(high):
		r.report(n.GetToken(), "use "+want, "%s: %d is too large", name, i)
		return false
	}
	*dst = int(i)
	return true
}

// count is num that also takes the word off, which stands for -1.
func (s *section) count(key string, low, high int, dst *int) {
	if n := s.get(key); n != nil {
		if n.GetToken().Value == "off" {
			*dst = -1
			return
		}
		s.num(key, low, high, dst)
	}
}

// duration reads a time with its unit within [low, high].
func (s *section) duration(key string, low, high sctpcore.Time, dst *sctpcore.Time) {
	n := s.get(key)
	if n == nil {
		return
	}
	name := s.path + key
	const example = "write it with its unit, such as 20ms, 1.5s or 2m"
	v, ok := s.r.text(n, name, "a duration such as 20ms")
	if !ok {
		return
	}
	d, err := time.ParseDuration(v)
	switch {
	case err != nil:
		s.r.report(n.GetToken(), example, "%s: %q is not a duration", name, v)
	case sctpcore.Time(d) < low || sctpcore.Time(d) > high:
		s.r.report(n.GetToken(), fmt.Sprintf("use %v to %v", time.Duration(low), time.Duration(high)),
			"%s: %v is out of range", name, d)
	default:
		*dst = sctpcore.Time(d)
	}
}

// size reads a number of bytes with or without a suffix within [low, high].
func (s *section) size(key string, low, high int, dst *int) {
	n := s.get(key)
	if n == nil {
		return
	}
	name := s.path + key
	v, ok := s.r.text(n, name, "a size such as 1MiB")
	if !ok {
		return
	}
	b, err := ParseSize(v)
	switch {
	case err != nil:
		s.r.report(n.GetToken(), "write bytes, or a number with KiB, MiB, GiB, kB, MB or GB", "%s: %v", name, err)
	case b < low || b > high:
		s.r.report(n.GetToken(), fmt.Sprintf("use %s to %s", FormatSize(low), FormatSize(high)),
			"%s: %s is out of range", name, v)
	default:
		*dst = b
	}
}

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"B", 1},
}

// ParseSize reads a number of bytes: 512, 64KiB, 1.5MiB, 10MB; K, M and G
// alone are powers of 1024.
func ParseSize(v string) (int, error) {
	number, unit := strings.TrimSpace(v), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(number, "_", ""), 64)
	f *= unit
	if err != nil || math.IsNaN(f) || f < 0 || f > 1<<50 || f != math.Trunc(f) {
		return 0, fmt.Errorf("%q is not a size in bytes", v)
	}
	return int(f), nil
}

// FormatSize is the shortest exact form that ParseSize reads back.
func FormatSize(b int) string {
	switch {
	case b != 0 && b%(1<<30) == 0:
		return fmt.Sprintf("%dGiB", b>>30)
	case b != 0 && b%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", b>>20)
	case b != 0 && b%(1<<10) == 0:
		return fmt.Sprintf("%dKiB", b>>10)
	}
	return strconv.Itoa(b)
}

// address reads one IP address.
func (s *section) address(key string, dst *netip.Addr) {
	n := s.get(key)
	if n == nil {
		return
	}
	v, ok := s.r.text(n, s.path+key, "an IP address")
	if !ok {
		return
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		s.r.report(n.GetToken(), "write an IP address without a length, such as 10.0.1.254 or \"fd00:1::fe\"",
			"%s%s: %q is not an IP address", s.path, key, v)
		return
	}
	*dst = a
}
