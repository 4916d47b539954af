package capture

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Request is what to capture, and when to end. Bounds that are 0 are none.
type Request struct {
	Ports  []string // names of the dataplane's ports; none is all
	Filter string
	Count  int64         // frames
	Time   time.Duration // in whole seconds
	Bytes  int64         // of the file
	Snap   int           // bytes kept of each frame
}

// maxSnap is the longest frame there can be.
const maxSnap = 1 << 17

// values writes the request for an URL.
func (r *Request) values() url.Values {
	v := url.Values{}
	if len(r.Ports) > 0 {
		v["port"] = r.Ports
	}
	if r.Filter != "" {
		v.Set("filter", r.Filter)
	}
	for key, n := range map[string]int64{"count": r.Count, "seconds": int64(r.Time / time.Second), "bytes": r.Bytes, "snap": int64(r.Snap)} {
		if n != 0 {
			v.Set(key, strconv.FormatInt(n, 10))
		}
	}
	return v
}

// parseRequest reads what values writes.
func parseRequest(v url.Values) (r Request, err error) {
	known := []string{"port", "filter", "count", "seconds", "bytes", "snap"}
	for key, all := range v {
		if !slices.Contains(known, key) {
			return r, fmt.Errorf("there is no parameter %.40q; there are %s", key, strings.Join(known, ", "))
		}
		if key != "port" && len(all) > 1 {
			return r, fmt.Errorf("%s: give it once", key)
		}
	}
	r.Ports, r.Filter = v["port"], v.Get("filter")
	var seconds, snap int64
	for _, n := range []struct {
		key  string
		to   *int64
		high int64
	}{{"count", &r.Count, 1 << 62}, {"seconds", &seconds, 1 << 31}, {"bytes", &r.Bytes, 1 << 62}, {"snap", &snap, maxSnap}} {
		text := v.Get(n.key)
		if text == "" {
			continue
		}
		if *n.to, err = strconv.ParseInt(text, 10, 64); err != nil || *n.to < 1 || *n.to > n.high {
			return r, fmt.Errorf("%s: %.40q is not a whole number from 1 to %d", n.key, text, n.high)
		}
	}
	r.Time, r.Snap = time.Duration(seconds)*time.Second, int(snap)
	return r, nil
}
