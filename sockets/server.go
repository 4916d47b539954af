package sockets

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Config is what Listen needs.
type Config struct {
	// Path is of the unix socket to serve on; "@name" is in the abstract namespace.
	// A socket that a server left there when it died is replaced.
	Path string
	// Mode, Owner and Group are the socket file's: who may connect. Mode 0 is 0600; nil
	// are this process's.
	Mode         fs.FileMode
	Owner, Group *int
	Limits       Limits
	// Timers and Core are those of the dataplane; zero values are sctpcore's defaults.
	// Timers are what sockets begin with.
	Timers sctpcore.Timers
	Core   sctpcore.Limits
	// FixedAddresses has sockets begin without dynamic addresses (RFC 5061), as on a
	// kernel whose net.sctp.addip_enable is 0; SCTP_ASCONF_SUPPORTED changes it.
	FixedAddresses bool
	// Logger takes what goes wrong with clients; nil is silence.
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	c.Limits.setDefaults()
	if c.Timers == (sctpcore.Timers{}) {
		c.Timers = sctpcore.RFC9260Timers()
	}
	if c.Core == (sctpcore.Limits{}) {
		c.Core = sctpcore.DefaultLimits()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) where() unixsock.Where {
	return unixsock.Where{Path: c.Path, Mode: c.Mode, Owner: c.Owner, Group: c.Group}
}

// Stats counts what a server did since it began.
type Stats struct {
	Clients, Sockets, Associations int    // that exist now
	Refused                        uint64 // for a limit
	Broken                         uint64 // clients and sockets ended for breaking the protocol
}

// Server serves clients on a unix socket. Any goroutine may call any method.
type Server struct {
	cfg      atomic.Pointer[Config] // replaced by Change
	dp       *dataplane.Dataplane
	listener net.Listener
	pumps    []*pump
	work     sync.WaitGroup

	mu      sync.Mutex // guards what follows; a leaf: nothing else is locked under it
	closed  bool
	clients map[*client]struct{}
	sockets map[uint64]*socket
	// listening is those of sockets that listen.
	listening map[*socket]struct{}
	assocs    map[int32]*assoc
	users     map[uint32]*user
	lastID    uint64
	lastAsc   int32
	stats     Stats
}

// Listen serves the dataplane's sockets at cfg.Path until Close. The dataplane stays the
// caller's, to be closed after the server.
func Listen(d *dataplane.Dataplane, cfg Config) (*Server, error) {
	cfg.setDefaults()
	s := &Server{dp: d, clients: map[*client]struct{}{}, sockets: map[uint64]*socket{}, listening: map[*socket]struct{}{},
		assocs: map[int32]*assoc{}, users: map[uint32]*user{}, lastAsc: allAssoc}
	s.cfg.Store(&cfg)
	var start [4]byte // so that ids of a server before this one are not ours
	_, _ = rand.Read(start[:])
	s.lastID = uint64(binary.LittleEndian.Uint32(start[:]))<<32 | 1<<31
	for range min(max(1, runtime.NumCPU()/2), 4) {
		p, err := newPump(s)
		if err != nil {
			s.stopPumps()
			return nil, fmt.Errorf("sockets: %w", err)
		}
		s.pumps = append(s.pumps, p)
	}
	var err error
	if s.listener, err = unixsock.Listen(unix.SOCK_SEQPACKET, cfg.where()); err != nil {
		s.stopPumps()
		return nil, fmt.Errorf("sockets: cannot serve at %s: %w", cfg.Path, err)
	}
	for _, p := range s.pumps {
		s.work.Go(p.run)
	}
	s.work.Go(s.accept)
	return s, nil
}

// Change puts another configuration in force: who may connect and the limits at once, Timers,
// Core and FixedAddresses for sockets that are made from now on. Path cannot change: EINVAL.
// After an error, which then is one of the socket file's, it is as before.
func (s *Server) Change(cfg Config) error {
	cfg.setDefaults()
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.cfg.Load()
	switch {
	case s.closed:
		return net.ErrClosed
	case cfg.Path != old.Path:
		return fmt.Errorf("sockets: cannot move from %s to %s: %w", old.Path, cfg.Path, unix.EINVAL)
	}
	if err := cfg.where().Admit(); err != nil {
		_ = old.where().Admit()
		return fmt.Errorf("sockets: cannot change who may connect: %w", err)
	}
	s.cfg.Store(&cfg)
	return nil
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no descriptor is free, say; Accept waits a little by itself
			s.cfg.Load().Logger.Warn("sockets: cannot accept a client", "error", err)
			continue
		}
		s.admit(c.(*net.UnixConn))
	}
}

// admit begins to serve a client, if its user may have one more.
func (s *Server) admit(conn *net.UnixConn) {
	c, err := newClient(s, conn)
	if err != nil {
		_ = conn.Close()
		s.cfg.Load().Logger.Warn("sockets: client refused", "error", err)
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		c.end()
		return
	}
	s.clients[c] = struct{}{}
	s.mu.Unlock()
	s.work.Go(c.serve)
}

// Close ends all clients' connections: their sockets break with ECONNRESET, and the
// associations are aborted; those whose program had gone before go on shutting down. It
// returns when nothing is left here.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.closed = true
	clients, sockets := keys(s.clients), values(s.sockets)
	s.mu.Unlock()
	err := s.listener.Close()
	for _, c := range clients {
		_ = c.conn.Close()
	}
	for _, k := range sockets {
		k.mu.Lock()
		k.abandon("server closed")
		k.mu.Unlock()
	}
	s.stopPumps()
	s.work.Wait()
	s.mu.Lock()
	assocs := values(s.assocs)
	s.mu.Unlock()
	for _, a := range assocs { // nobody hears of their end any more
		k := a.lock()
		k.forget(a)
		k.mu.Unlock()
	}
	return err
}

func (s *Server) stopPumps() {
	for _, p := range s.pumps {
		p.stop()
	}
}

// Stats is a snapshot.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Clients, st.Sockets, st.Associations = len(s.clients), len(s.sockets), len(s.assocs)
	return st
}

// broken counts someone who does not keep to the protocol.
func (s *Server) broken(what string, id uint64, err error) {
	s.mu.Lock()
	s.stats.Broken++
	s.mu.Unlock()
	s.cfg.Load().Logger.Warn("sockets: protocol broken", "what", what, "id", id, "error", err)
}

func (s *Server) socket(id uint64) *socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sockets[id]
}

// enter puts a new socket into the table; false if the server is closing.
func (s *Server) enter(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.lastID++
	k.id = s.lastID
	if k.pump == nil {
		k.pump = s.pumps[int(k.id)%len(s.pumps)]
	}
	s.sockets[k.id] = k
	return true
}

func (s *Server) leave(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, k.id)
}

// listens notes whether a socket listens.
func (s *Server) listens(k *socket, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes {
		s.listening[k] = struct{}{}
	} else {
		delete(s.listening, k)
	}
}

// nameAssoc gives an association an identifier that no other has.
func (s *Server) nameAssoc(a *assoc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.lastAsc++; s.lastAsc <= allAssoc { // went round
			s.lastAsc = allAssoc + 1
		}
		if s.assocs[s.lastAsc] == nil {
			a.id = s.lastAsc
			s.assocs[a.id] = a
			return
		}
	}
}

func (s *Server) forgetAssoc(a *assoc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.assocs, a.id)
}

func keys[K comparable, V any](m map[K]V) (out []K) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func values[K comparable, V any](m map[K]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}
