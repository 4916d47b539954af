package capture

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore/wire"
)

// Bounds of a filter's text.
const (
	maxText  = 4096 // bytes
	maxWords = 256
)

// FilterHelp says what filters are, for people.
const FilterHelp = `A filter is made of these, of and, or, not, and parentheses; and binds before or:
  host ADDR, net PREFIX     IP (or ARP) address of either end
  port N                    SCTP port of either end
  src …, dst …              the same of one end: src ADDR, dst port N
  sctp, icmp, arp, ip, ip6  kind of packet; icmp is that of IPv6, too
  vlan N, tag N             802.1Q tag; verification tag
  chunk NAME                it has such a chunk: data, init, init-ack, sack, heartbeat,
                            heartbeat-ack, abort, shutdown, …, asconf, auth, or a number
  ppid N                    it has DATA with that payload protocol identifier
  rx, tx                    it was received; it was to be sent
  dropped, reason NAME      it or a chunk in it was dropped; for a reason of trunkline drops
  interface NAME            port of the dataplane, or none: dropped before there was one
Only the first fragment of a packet has SCTP ports, tags and chunks.`

// FilterError is what is wrong with a filter.
type FilterError struct {
	Column  int // of the first wrong character, from 1
	Problem string
}

func (e *FilterError) Error() string {
	return fmt.Sprintf("filter, column %d: %s", e.Column, e.Problem)
}

// Parse makes a filter of its text, for a dataplane with these TapPorts; an empty text lets
// everything pass. An error is a *FilterError.
func Parse(text string, ports []nic.Info) (*Filter, error) { return parse(text, ports, nil) }

// parse makes a filter of its text, of only some interfaces if there are any.
func parse(text string, ports []nic.Info, only []string) (*Filter, error) {
	f := &Filter{rawIP: len(ports) - 1}
	p := &parser{text: text, ports: ports}
	root, err := p.all()
	if err != nil {
		return nil, err
	}
	var chosen *node
	for _, name := range only {
		s, err := p.iface(name)
		if err != nil {
			return nil, err
		}
		chosen = join(anyOf, chosen, &node{step: s})
	}
	if root = join(allOf, chosen, root); root != nil {
		f.compile(root, accepted, refused)
	}
	return f, nil
}

// join is two nodes, of which one may be nil, as one.
func join(kind nodeKind, left, right *node) *node {
	switch {
	case left == nil:
		return right
	case right == nil:
		return left
	}
	return &node{kind: kind, left: left, right: right}
}

// word is a word of a filter, or one of ( ) !.
type word struct {
	text string
	at   int // in bytes
}

// parser reads a filter word by word; it goes down once for each parenthesis or not.
type parser struct {
	text  string
	words []word
	ports []nic.Info
}

// split takes the text apart.
func (p *parser) split() error {
	if len(p.text) > maxText {
		return p.problem(maxText, "the filter is longer than %d bytes", maxText)
	}
	for at := 0; at < len(p.text); {
		rest := p.text[at:]
		n := strings.IndexAny(rest, " \t\r\n()!")
		switch {
		case n < 0:
			n = len(rest)
		case n == 0:
			n = 1
		}
		if w := rest[:n]; strings.TrimSpace(w) != "" {
			p.words = append(p.words, word{w, at})
		}
		at += n
	}
	if len(p.words) > maxWords {
		return p.problem(p.words[maxWords].at, "the filter has more than %d words", maxWords)
	}
	return nil
}

func (p *parser) problem(at int, format string, args ...any) error {
	return &FilterError{1 + utf8.RuneCountInString(p.text[:min(at, len(p.text))]), fmt.Sprintf(format, args...)}
}

// peek is the next word in small letters, "" at the end.
func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return strings.ToLower(p.words[0].text)
}

// take is the next word, which is text "" at the end.
func (p *parser) take() (w word) {
	if len(p.words) == 0 {
		return word{at: len(p.text)}
	}
	w, p.words = p.words[0], p.words[1:]
	return w
}

// all reads the whole filter; nil if it is empty.
func (p *parser) all() (*node, error) {
	if err := p.split(); err != nil || len(p.words) == 0 {
		return nil, err
	}
	n, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if w := p.take(); w.text != "" {
		if w.text == ")" {
			return nil, p.problem(w.at, "this ) closes nothing; leave it out")
		}
		return nil, p.problem(w.at, "%q follows without and, or", w.text)
	}
	return n, nil
}

func (p *parser) alternatives() (*node, error) { return p.chain(anyOf, "or", "||", p.conjunction) }
func (p *parser) conjunction() (*node, error)  { return p.chain(allOf, "and", "&&", p.term) }

// chain reads what next reads, once or several times with a word between.
func (p *parser) chain(kind nodeKind, name, sign string, next func() (*node, error)) (*node, error) {
	n, err := next()
	for err == nil && (p.peek() == name || p.peek() == sign) {
		p.take()
		var right *node
		if right, err = next(); err == nil {
			n = &node{kind: kind, left: n, right: right}
		}
	}
	return n, err
}

func (p *parser) term() (*node, error) {
	switch p.peek() {
	case "not", "!":
		p.take()
		n, err := p.term()
		return &node{kind: noneOf, left: n}, err
	case "(":
		open := p.take()
		n, err := p.alternatives()
		if err != nil {
			return nil, err
		}
		if w := p.take(); w.text != ")" {
			if w.text == "" {
				return nil, p.problem(open.at, "this ( is not closed; add a )")
			}
			return nil, p.problem(w.at, "%q follows without and, or", w.text)
		}
		return n, nil
	}
	w := p.take()
	s, inverse, err := p.question(w)
	n := &node{step: s}
	if inverse {
		n = &node{kind: noneOf, left: n}
	}
	return n, err
}

// question reads what begins with a word. inverse: its contrary is meant.
func (p *parser) question(w word) (s step, inverse bool, err error) {
	switch name := strings.ToLower(w.text); name {
	case "rx":
		return step{op: askTx}, true, nil
	case "tx":
		return step{op: askTx}, false, nil
	case "dropped":
		return step{op: askDropped}, false, nil
	case "sctp":
		return step{op: askSCTP}, false, nil
	case "icmp":
		return step{op: askICMP}, false, nil
	case "arp":
		return step{op: askEther, n: etherARP}, false, nil
	case "ip":
		return step{op: askEther, n: etherIPv4}, false, nil
	case "ip6":
		return step{op: askEther, n: etherIPv6}, false, nil
	case "src":
		s, err = p.end(source)
	case "dst":
		s, err = p.end(destination)
	case "host", "net", "port":
		s, err = p.endOf(either, name)
	case "vlan":
		s, err = p.number(askVLAN, "a VLAN", 4094)
	case "tag":
		s, err = p.number(askTag, "a verification tag", 1<<32-1)
	case "ppid":
		s, err = p.number(askPPID, "a payload protocol identifier", 1<<32-1)
	case "chunk":
		s, err = p.chunk()
	case "reason":
		s, err = p.reason()
	case "interface":
		s, err = p.ifaceWord()
	case "":
		err = p.problem(w.at, "something is missing here, such as `port 3868`")
	default:
		err = p.problem(w.at, "%q is not known here; there are host, net, port, src, dst, sctp, icmp, arp, ip, ip6, vlan, tag, chunk, ppid, rx, tx, dropped, reason, interface", w.text)
	}
	return s, false, err
}

// end reads what follows src or dst.
func (p *parser) end(of side) (step, error) {
	switch name := p.peek(); name {
	case "host", "net", "port":
		p.take()
		return p.endOf(of, name)
	}
	return p.endOf(of, "host")
}

func (p *parser) endOf(of side, name string) (s step, err error) {
	if name == "port" {
		s, err = p.number(askPort, "an SCTP port", 1<<16-1)
		s.side = of
		return s, err
	}
	w := p.take()
	prefix, err := netip.ParsePrefix(w.text)
	if a, e := netip.ParseAddr(w.text); e == nil && a.Zone() == "" {
		prefix, err = a.Prefix(a.BitLen())
	} else if name == "host" {
		if err == nil {
			return s, p.problem(w.at, "%s is a network; write `net %s`", w.text, w.text)
		}
		return s, p.problem(w.at, "%q is no IP address, such as 10.0.0.1 or fd00::1", w.text)
	}
	if err != nil {
		return s, p.problem(w.at, "%q is no network, such as 10.0.0.0/24 or fd00::/64", w.text)
	}
	bits := prefix.Bits()
	if prefix.Addr().Is4() {
		bits += 96
	}
	s = step{op: askAddr, side: of}
	s.mask[0] = ^(^uint64(0) >> min(bits, 64))
	s.mask[1] = ^(^uint64(0) >> max(bits-64, 0))
	a := wire.AddrFrom(prefix.Addr())
	s.value = [2]uint64{binary.BigEndian.Uint64(a[:]) & s.mask[0], binary.BigEndian.Uint64(a[8:]) & s.mask[1]}
	return s, nil
}

// number reads one from 0 to high, decimal or with 0x.
func (p *parser) number(op op, what string, high uint64) (step, error) {
	w := p.take()
	n, err := strconv.ParseUint(w.text, 0, 64)
	if err != nil || n > high {
		return step{}, p.problem(w.at, "%q is not %s, which is a number from 0 to %d", w.text, what, high)
	}
	return step{op: op, n: uint32(n)}, nil
}

// chunkNames are those of types that wire does not know.
var chunkNames = map[string]uint8{
	"i-data": 64, "i-forward-tsn": 194, // RFC 8260
	"re-config": 130, "forward-tsn": 192, "pad": 132, // RFC 6525, RFC 3758, RFC 4820
}

func (p *parser) chunk() (step, error) {
	w := p.take()
	name := strings.ReplaceAll(strings.ToLower(w.text), "_", "-")
	if n, ok := chunkNames[name]; ok {
		return step{op: askChunk, n: uint32(n)}, nil
	}
	for t := range 256 {
		if spelt := wire.ChunkType(t).String(); name == strings.ReplaceAll(strings.ToLower(spelt), " ", "-") {
			return step{op: askChunk, n: uint32(t)}, nil
		}
	}
	if n, err := strconv.ParseUint(w.text, 0, 8); err == nil {
		return step{op: askChunk, n: uint32(n)}, nil
	}
	return step{}, p.problem(w.at, "%q is no chunk type; write a number from 0 to 255 or a name, such as init-ack or heartbeat", w.text)
}

func (p *parser) reason() (step, error) {
	w := p.take()
	code := dataplane.DropCodeOf(strings.ToLower(w.text))
	if code == 0 {
		return step{}, p.problem(w.at, "%q is no reason; `trunkline drops --all` shows them, such as sctp_bad_tag", w.text)
	}
	return step{op: askReason, n: uint32(code)}, nil
}

func (p *parser) ifaceWord() (step, error) {
	w := p.take()
	s, err := p.iface(w.text)
	if err != nil {
		return s, p.problem(w.at, "%v", err)
	}
	return s, nil
}

func (p *parser) iface(name string) (step, error) {
	i := slices.IndexFunc(p.ports, func(i nic.Info) bool { return i.Name == name })
	if i < 0 {
		var names []string
		for _, i := range p.ports {
			names = append(names, i.Name)
		}
		return step{}, fmt.Errorf("there is no port %q; there are %s", name, strings.Join(names, ", "))
	}
	return step{op: askInterface, n: uint32(i)}, nil
}
