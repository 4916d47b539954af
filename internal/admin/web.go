package admin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
)

// web is what TCP has: to read only.
type web struct {
	asked   netip.AddrPort // which may leave the port to the kernel
	addr    net.Addr
	srv     *http.Server
	room    *room
	refused refused
	guard   atomic.Pointer[guard]
}

// SetHTTP has HTTP served at an address, nowhere if that is invalid, to those who have the
// token; "" asks for none. Another address is listened at before the one that was is left: after
// an error all is as before. Another token counts for every request from then on, and whoever
// follows events by the old one is cut off. Not after Close.
func (s *Server) SetHTTP(addr netip.AddrPort, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.web
	if old != nil && old.asked == addr {
		old.admit(s, token)
		return nil
	}
	var next *web
	if addr.IsValid() {
		l, err := net.Listen("tcp", addr.String())
		if err != nil {
			return fmt.Errorf("http: %w; choose another http.listen", err)
		}
		next = &web{asked: addr, addr: l.Addr(), room: newRoom()}
		next.admit(s, token)
		next.srv = s.serve(l, headers(next))
	}
	if s.web = next; old != nil {
		old.guard.Load().end()
		shut(old.srv)
	}
	return nil
}

// Addr is where HTTP is served, nil if it is not.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.web == nil {
		return nil
	}
	return s.web.addr
}

// admit has those admitted who have the token.
func (w *web) admit(s *Server, token string) {
	old := w.guard.Load()
	if old != nil && old.token == token {
		return
	}
	g := &guard{web: w, token: token, log: s.opt.Logger}
	ctx, end := context.WithCancel(s.ctx)
	g.next, g.end = (&handlers{Server: s, room: w.room, ctx: ctx}).mux(), end
	if w.guard.Store(g); old != nil {
		old.end()
	}
}

// ServeHTTP is http.Handler's.
func (w *web) ServeHTTP(a http.ResponseWriter, r *http.Request) { w.guard.Load().ServeHTTP(a, r) }
