package config

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// File is a configuration after every check.
type File struct {
	Path   string
	Node   string // what the daemon calls itself
	Memory Memory
	Ports  []Port
	Routes []Route
	CPUs   []int // one entry per worker, -1 is not pinned
	Busy   bool  // workers poll without pause when there is nothing to do
	// IdleSleep is dataplane.Config's.
	IdleSleep time.Duration
	Timers    sctpcore.Timers
	Limits    sctpcore.Limits
	Service   Service
	Sockets   Sockets
	Control   Control
	HTTP      HTTP
	Metrics   Metrics
	Log       Log
	Drain     time.Duration // how long associations may take to shut down at the end

	places map[string]*token.Token
}

// HugepageModes are the words for whether to use hugepages.
var HugepageModes = []string{"auto", "off", "required"}

// Memory is what DPDK's buffers live in.
type Memory struct {
	Hugepages string // one of HugepageModes
	Megabytes int    // the whole without hugepages, the beginning with them
}

// Port is one port and its place in the network.
type Port struct {
	Name      string
	Device    string // as dpdk.ParseDevice reads it
	Addresses []netip.Prefix
	VLAN      int
	MTU       int // bytes; 0 is the device's
	Queues    int

	at     *token.Token
	addrAt []*token.Token
	mtuAt  *token.Token
}

// Route is a static route.
type Route struct {
	To     netip.Prefix
	Via    netip.Addr
	Port   string
	Metric int

	at, viaAt, portAt *token.Token
}

// Service is what `trunkline run` serves.
type Service struct {
	Kind    string // "echo", "discard", "chargen"; "" if the file has none
	Port    uint16
	Length  int // bytes of one chargen message
	Streams int // streams that chargen writes to in turn
}

// Log is the form of what is logged.
type Log struct {
	Level  string // "debug", "info", "warn", "error"
	Format string // "text", "json"
}

// Options are what checking needs to know of the machine.
type Options struct {
	// Device tells whether a device string can be understood; nil takes any.
	Device func(string) error
	// CPUs are the processors that workers may be pinned to; nil takes any.
	CPUs []int
}

// Load reads and checks a file. A mistake in it gives Problems, with all
// mistakes; any other error is of reading the file.
func Load(path string, opt Options) (*File, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, src, opt)
}

// Parse is Load of a file's content; path is for messages only.
func Parse(path string, src []byte, opt Options) (*File, error) {
	r := &reader{file: path, opt: opt, places: map[string]*token.Token{}}
	f := &File{Path: path, places: r.places}
	if root, ok := r.parse(src); ok {
		r.readFile(root, f)
		r.crossCheck(f)
	}
	if len(r.problems) > 0 {
		return nil, r.problems.Sorted()
	}
	return f, nil
}

// parse gives the one document of the file; ok is false after a syntax error.
func (r *reader) parse(src []byte) (ast.Node, bool) {
	tree, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) {
			r.report(ye.GetToken(), "mend the YAML at the mark", "syntax: %s", ye.GetMessage())
		} else {
			r.report(nil, "mend the YAML", "syntax: %v", err)
		}
		return nil, false
	}
	var body ast.Node
	for _, d := range tree.Docs {
		if d.Body == nil || d.Body.Type() == ast.NullType {
			continue
		}
		if body != nil {
			r.report(d.Body.GetToken(), "keep one", "the file has more than one document")
			return nil, false
		}
		body = d.Body
	}
	if body == nil {
		r.report(nil, "start from examples/trunkline.yaml", "the file is empty")
		return nil, false
	}
	return body, true
}
