package config

import (
	"io/fs"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Endpoint is a unix socket and who may connect to it.
type Endpoint struct {
	Path         string // "": the default, or none
	Mode         fs.FileMode
	Owner, Group *int // nil: this process's
}

// Sockets is where and to whom `trunkline run` serves the sockets API.
type Sockets struct {
	Endpoint // Path may be "@name" for an abstract one; "": it is not served
	// Of one user; 0: the server's default.
	Clients, Sockets, Associations, Buffered, Lanes int
	// FixedAddresses has sockets begin without dynamic addresses.
	FixedAddresses bool
}

// DefaultSockets is the path where nothing else is said, and where `trunkline exec` looks.
const DefaultSockets = "/run/trunkline/sockets"

// defaultMode is of a socket that only this process's user may connect to.
const defaultMode = 0o600

// Bounds of the limits; those of a kernel's descriptors come on top.
const (
	maxSocketClients = 1 << 16
	maxSocketCount   = 1 << 20
	maxSocketPath    = 107 // bytes that a sockaddr_un has room for
)

func (r *reader) readSockets(n ast.Node, f *File) {
	if n == nil {
		return
	}
	s := r.section(n, "sockets.", "path", "mode", "owner", "group", "limits", "dynamic_addresses")
	f.Sockets.Path = DefaultSockets
	r.readEndpoint(s, &f.Sockets.Endpoint)
	if p := f.Sockets.Path; len(p) > maxSocketPath || !filepath.IsAbs(p) && (!strings.HasPrefix(p, "@") || len(p) < 2) {
		r.report(s.get("path").GetToken(), "write an absolute path of at most 107 bytes, or @ and a name for an abstract one", "sockets.path: %q cannot be served", p)
	}
	dynamic := "on"
	s.oneOf("dynamic_addresses", &dynamic, "on", "off")
	f.Sockets.FixedAddresses = dynamic == "off"
	l := r.section(s.get("limits"), "sockets.limits.", "clients", "sockets", "associations", "buffered", "lanes")
	l.num("clients", 1, maxSocketClients, &f.Sockets.Clients)
	l.num("sockets", 1, maxSocketCount, &f.Sockets.Sockets)
	l.num("associations", 1, maxSocketCount, &f.Sockets.Associations)
	l.size("buffered", 1<<20, 1<<40, &f.Sockets.Buffered)
	l.num("lanes", 1, maxSocketCount, &f.Sockets.Lanes)
}

// readEndpoint reads path, mode, owner and group.
func (r *reader) readEndpoint(s *section, e *Endpoint) {
	e.Mode = defaultMode
	s.str("path", "a path", &e.Path)
	r.readMode(s, &e.Mode)
	e.Owner = r.readID(s, "owner", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	e.Group = r.readID(s, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// readMode reads a file mode, in octal however it is written.
func (r *reader) readMode(s *section, dst *fs.FileMode) {
	n := s.get("mode")
	if n == nil {
		return
	}
	v, ok := r.text(n, s.path+"mode", "a mode such as 0660")
	if !ok {
		return
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 32)
	if err != nil || mode > 0o777 {
		r.report(n.GetToken(), "write three octal digits such as 0660", "%smode: %q is not a mode", s.path, v)
		return
	}
	*dst = fs.FileMode(mode)
}

// readID reads a user or group, by number or by name.
func (r *reader) readID(s *section, key string, lookup func(string) (string, error)) *int {
	n := s.get(key)
	if n == nil {
		return nil
	}
	v, ok := r.text(n, s.path+key, "a name or a number")
	if !ok {
		return nil
	}
	id, err := strconv.Atoi(v)
	if err != nil {
		var found string
		if found, err = lookup(v); err == nil {
			id, err = strconv.Atoi(found)
		}
	}
	if err != nil || id < 0 {
		r.report(n.GetToken(), "give one that this host knows, or a number", "%s%s: there is no %s %q", s.path, key, key, v)
		return nil
	}
	return &id
}
