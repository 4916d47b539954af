package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Control is the unix socket by which `trunkline assocs`, `top`, `reload` and the like
// reach the daemon.
type Control struct {
	Endpoint
	Off bool // it is not served
}

// HTTP is what may be read over TCP: state, metrics, the page.
type HTTP struct {
	Listen    netip.AddrPort // invalid: nothing is served
	TokenFile string         // "" for none: whoever reaches Listen may read
	Token     string         // what that holds; who runs the file reads it
}

// Metrics is how much of them there is.
type Metrics struct {
	Associations int // that have series of their own; all others are in totals only
}

// maxNode is what views have room for.
const maxNode = 63

// readNode reads what the daemon calls itself.
func (r *reader) readNode(s *section, f *File) {
	n := s.get("node")
	if n == nil {
		f.Node, _ = os.Hostname()
		return
	}
	s.str("node", "a name", &f.Node)
	if bad := strings.ContainsFunc(f.Node, func(c rune) bool { return c <= ' ' || c == '"' || c == 0x7f }); bad || f.Node == "" || len(f.Node) > maxNode {
		r.report(n.GetToken(), fmt.Sprintf("use 1 to %d characters without blanks and quotes", maxNode), "node: %q cannot be a name", f.Node)
	}
}

func (r *reader) readControl(n ast.Node, f *File) {
	f.Control.Mode = defaultMode
	if n == nil {
		return
	}
	if _, ok := mapping(n); !ok && n.GetToken().Value == "off" {
		f.Control.Off = true
		return
	}
	s := r.section(n, "control.", "path", "mode", "owner", "group")
	r.readEndpoint(s, &f.Control.Endpoint)
	if v := s.get("path"); v != nil && (len(f.Control.Path) > maxSocketPath || !filepath.IsAbs(f.Control.Path)) {
		r.report(v.GetToken(), fmt.Sprintf("write an absolute path of at most %d bytes", maxSocketPath), "control.path: %q cannot be served", f.Control.Path)
	}
}

func (r *reader) readHTTP(n ast.Node, f *File) {
	if n == nil {
		return
	}
	s := r.section(n, "http.", "listen", "token_file")
	s.str("token_file", "a path", &f.HTTP.TokenFile)
	if v := s.get("token_file"); v != nil && !filepath.IsAbs(f.HTTP.TokenFile) {
		r.report(v.GetToken(), "write an absolute path", "http.token_file: %q is relative", f.HTTP.TokenFile)
	}
	listen := DefaultHTTP
	s.str("listen", "an address and a port", &listen)
	at := s.at
	if v := s.get("listen"); v != nil {
		at = v.GetToken()
	}
	a, err := netip.ParseAddrPort(listen)
	if err != nil || a.Addr().Zone() != "" {
		r.report(at, "write an address and a port, such as 127.0.0.1:9464 or \"[::1]:9464\"", "http.listen: %q is not an address with a port", listen)
		return
	}
	if !a.Addr().Unmap().IsLoopback() && f.HTTP.TokenFile == "" {
		r.report(at, "add `token_file: FILE` with a secret of 16 characters or more, or listen on 127.0.0.1",
			"http.listen: %s can be reached from elsewhere, and anybody could read", a)
	}
	f.HTTP.Listen = a
}

// DefaultHTTP is where `http: {}` listens.
const DefaultHTTP = "127.0.0.1:9464"
