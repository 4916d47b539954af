package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

const (
	// eventBatch is how many events are taken at a time.
	eventBatch = 256
	// followTime is how long a follower may leave what is written to it unread.
	followTime = time.Minute
	// quietTime is after what time without an event a follower gets an empty line, so
	// that both sides see that the other is there.
	quietTime = 15 * time.Second
)

// follow makes a handler one of a stream: as many as there may be followers, without the
// deadlines of an answer, until h.ctx is done.
func (h *handlers) follow(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case h.followers <- struct{}{}:
			defer func() { <-h.followers }()
		default:
			http.Error(w, "too many follow already; try later", http.StatusServiceUnavailable)
			return
		}
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Time{}) // only the end is read
		_ = c.SetWriteDeadline(time.Time{})
		ctx, end := context.WithCancel(r.Context())
		defer end()
		defer context.AfterFunc(h.ctx, end)()
		serve(w, r.WithContext(ctx))
	}
}

// events writes JSON lines: what is kept, and with follow=1 what comes.
func (h *handlers) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err := number[uint64](q, "since", 0, 0, math.MaxUint64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	from := h.opt.Observer.Log().Follow(since)
	if q.Get("follow") == "1" {
		h.follow(func(w http.ResponseWriter, r *http.Request) { followEvents(w, r.Context(), from) })(w, r)
		return
	}
	h.answer(func(w http.ResponseWriter, _ *http.Request) {
		lines, batch := json.NewEncoder(w), make([]observe.Event, eventBatch)
		for n := from.Poll(batch); n > 0; n = from.Poll(batch) {
			for i := range batch[:n] {
				if lines.Encode(&batch[i]) != nil {
					return
				}
			}
		}
	})(w, r)
}

// followEvents writes until the reader, the daemon or the log ends.
func followEvents(w http.ResponseWriter, ctx context.Context, from *observe.Follower) {
	c := http.NewResponseController(w)
	batch := make([]observe.Event, eventBatch)
	var room bytes.Buffer
	lines := json.NewEncoder(&room)
	for n := from.Poll(batch); ; {
		room.Reset()
		for i := range batch[:n] {
			_ = lines.Encode(&batch[i]) // plain values: it cannot fail
		}
		if n == 0 {
			room.WriteByte('\n')
		}
		_ = c.SetWriteDeadline(time.Now().Add(followTime))
		if _, err := w.Write(room.Bytes()); err != nil || c.Flush() != nil {
			return
		}
		quiet, cancel := context.WithTimeout(ctx, quietTime)
		var err error
		n, err = from.Next(quiet, batch)
		cancel()
		if ctx.Err() != nil || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return
		}
	}
}
