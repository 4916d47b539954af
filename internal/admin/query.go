package admin

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// parts are what a State can have.
var parts = []string{"ports", "assocs", "drops", "counters", "workers"}

// worst is the order of associations with the worst first.
const worst = "worst"

// Query is which part of a State is wanted.
type Query struct {
	Parts []string // of ports, assocs, drops, counters, workers; nil: all but assocs
	After string   // associations whose ID comes after this one
	Limit int      // of associations, at most; 0: observe's default
	Assoc string   // only the association with this ID
	// WorstFirst is observe.Want's.
	WorstFirst bool
}

// parseQuery reads what values writes.
func parseQuery(v url.Values) (q Query, err error) {
	if p := v.Get("parts"); p != "" {
		q.Parts = strings.Split(p, ",")
	}
	for _, p := range q.Parts {
		if !slices.Contains(parts, p) {
			return q, fmt.Errorf("parts: there is no %.40q; there are %s", p, strings.Join(parts, ", "))
		}
	}
	switch order := v.Get("order"); order {
	case "", "id":
	case worst:
		q.WorstFirst = true
	default:
		return q, fmt.Errorf("order: %.40q is not known; use id or %s", order, worst)
	}
	q.After, q.Assoc = v.Get("after"), v.Get("assoc")
	q.Limit, err = number(v, "limit", observe.DefaultAssocs, 1, observe.MaxAssocs)
	return q, err
}

// values writes the query for an URL.
func (q Query) values() url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("parts", strings.Join(q.Parts, ","))
	set("after", q.After)
	set("assoc", q.Assoc)
	if q.WorstFirst {
		set("order", worst)
	}
	if q.Limit != 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

func (q Query) want() observe.Want {
	has := func(part string) bool { return slices.Contains(q.Parts, part) }
	if q.Parts == nil {
		has = func(part string) bool { return part != "assocs" }
	}
	return observe.Want{Ports: has("ports"), Assocs: has("assocs"), Drops: has("drops"), Counters: has("counters"), Workers: has("workers"),
		After: q.After, Limit: q.Limit, Assoc: q.Assoc, WorstFirst: q.WorstFirst}
}

// number reads a whole number from low to high, which is otherwise if it is not given.
func number[T int | uint64](v url.Values, key string, otherwise, low, high T) (T, error) {
	text := v.Get(key)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < uint64(low) || n > uint64(high) {
		return otherwise, fmt.Errorf("%s: %.40q is not a whole number from %d to %d", key, text, low, high)
	}
	return T(n), nil
}
