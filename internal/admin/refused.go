package admin

import (
	"log/slog"
	"sync"
	"time"
)

// refusedEvery is the least time between two lines of the log about wrong tokens.
const refusedEvery = 10 * time.Second

// refused has wrong tokens logged, the first at once, then a line in refusedEvery at most.
type refused struct {
	mu     sync.Mutex
	next   time.Time
	untold int // since the last line
}

// tell is of a token that came from an address, by a header or the form.
func (r *refused) tell(log *slog.Logger, now time.Time, from, by string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Before(r.next) {
		r.untold++
		return
	}
	log.Warn("wrong token", "from", from, "by", by, "untold_before", r.untold)
	r.next, r.untold = now.Add(refusedEvery), 0
}
