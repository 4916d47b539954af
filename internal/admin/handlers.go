package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// room is what one listener has for clients.
type room struct {
	answers   chan struct{} // of maxAnswers
	followers chan struct{} // of maxFollowers
}

func newRoom() *room {
	return &room{answers: make(chan struct{}, maxAnswers), followers: make(chan struct{}, maxFollowers)}
}

// handlers are those of one listener, or of one token of it.
type handlers struct {
	*Server
	*room
	ctx context.Context // of those who follow
}

// mux has what both listeners have.
func (h *handlers) mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /healthz", h.healthz)
	m.HandleFunc("GET /v1/state", h.answer(h.state))
	m.HandleFunc("GET /v1/history", h.answer(h.history))
	m.HandleFunc("GET /v1/events", h.events)
	m.HandleFunc("/v1/", http.NotFound) // not the page's
	if h.opt.Metrics != nil {
		m.HandleFunc("GET /metrics", h.answer(h.opt.Metrics.ServeHTTP))
	}
	if h.opt.Page != nil {
		m.Handle("/", h.opt.Page)
	}
	return m
}

// controlHandler is what the unix socket has.
func (s *Server) controlHandler() http.Handler {
	h := &handlers{Server: s, room: newRoom(), ctx: s.ctx}
	m := h.mux()
	if s.opt.Capture != nil {
		m.HandleFunc("GET /v1/capture", h.follow(s.opt.Capture.ServeHTTP))
	}
	if s.opt.Reload != nil {
		m.HandleFunc("POST /v1/reload", h.reload)
	}
	return headers(m)
}

// answer waits for a turn, so that few answers are in memory at a time.
func (h *handlers) answer(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		patience := time.NewTimer(turnTime)
		defer patience.Stop()
		select {
		case h.answers <- struct{}{}:
			defer func() { <-h.answers }()
			serve(w, r)
		case <-r.Context().Done():
		case <-patience.C:
			http.Error(w, "too many others ask; try later", http.StatusServiceUnavailable)
		}
	}
}

func (h *handlers) healthz(w http.ResponseWriter, r *http.Request) {
	if err := h.opt.Observer.Health(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (h *handlers) state(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	st, err := h.opt.Observer.State(q.want())
	switch {
	case errors.Is(err, observe.ErrWant):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		h.json(w, &st)
	}
}

// history is all, or the latest points.
func (h *handlers) history(w http.ResponseWriter, r *http.Request) {
	all := h.opt.Observer.History()
	n, err := number(r.URL.Query(), "points", len(all.Points), 1, 1<<20)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if all.Points = all.Points[max(0, len(all.Points)-n):]; all.Points == nil {
		all.Points = []observe.Point{}
	}
	h.json(w, &all)
}

func (h *handlers) reload(w http.ResponseWriter, r *http.Request) {
	changed, err := h.opt.Reload(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	if changed == nil {
		changed = []string{}
	}
	h.json(w, reloaded{changed})
}

// reloaded is the answer to a reload.
type reloaded struct {
	Changed []string `json:"changed"`
}

func (h *handlers) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.opt.Logger.Debug("admin: answer not written", "error", err)
	}
}
