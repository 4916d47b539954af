package config

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// Bounds that are ours; those of timers and limits are sctpcore's.
const (
	maxMegabytes = 1 << 20 // 1 TiB
	minMegabytes = 32      // DPDK does not start with less
	maxQueues    = 32      // of one port, as nic/dpdk has it
	maxWorkers   = dataplane.MaxWorkers
	maxMTU       = 9600   // beyond what jumbo NICs do
	maxVLAN      = 4094   // 802.1Q reserves 4095
	maxMetrics   = 10_000 // associations with series of their own: a second for each scrape
	maxPortName  = 31     // what the statistics and views have room for
	maxDrain     = 3600 * sctpcore.Second
)

// readFile takes the whole file apart.
func (r *reader) readFile(root ast.Node, f *File) {
	s := r.section(root, "", "node", "memory", "ports", "routes", "workers", "idle", "idle_sleep", "timers", "limits", "service", "sockets", "control", "http", "metrics", "log", "drain")
	r.readNode(s, f)
	r.readMemory(s, f)
	if s.need("ports", "give at least one port: `ports: [{name: p0, device: \"af_packet:eth1\", addresses: [10.0.1.1/24]}]`") != nil {
		for i, n := range s.list("ports") {
			f.Ports = append(f.Ports, r.readPort(n, fmt.Sprintf("ports[%d].", i)))
		}
		if len(f.Ports) == 0 && len(r.problems) == 0 {
			r.report(s.get("ports").GetToken(), "give at least one", "ports is empty")
		}
	}
	for i, n := range s.list("routes") {
		f.Routes = append(f.Routes, r.readRoute(n, fmt.Sprintf("routes[%d].", i)))
	}
	r.readWorkers(s.get("workers"), f)
	idle := "adaptive"
	s.oneOf("idle", &idle, "adaptive", "busy")
	f.Busy = idle == "busy"
	sleep := sctpcore.Time(dataplane.DefaultIdleSleep)
	s.duration("idle_sleep", sctpcore.Time(dataplane.MinIdleSleep), sctpcore.Time(dataplane.MaxIdleSleep), &sleep)
	if n := s.get("idle_sleep"); n != nil && f.Busy {
		r.report(n.GetToken(), "leave it out, or make idle adaptive", "idle_sleep has no meaning with idle: busy")
	}
	f.IdleSleep = time.Duration(sleep)
	r.readTimers(s.get("timers"), f)
	r.readLimits(s.get("limits"), f)
	r.readService(s.get("service"), f)
	r.readSockets(s.get("sockets"), f)
	r.readControl(s.get("control"), f)
	r.readHTTP(s.get("http"), f)
	f.Metrics.Associations = 1000
	r.section(s.get("metrics"), "metrics.", "associations").num("associations", 0, maxMetrics, &f.Metrics.Associations)
	drain := 5 * sctpcore.Second
	s.duration("drain", 0, maxDrain, &drain)
	f.Drain = time.Duration(drain)
	f.Log = Log{Level: "info", Format: "text"}
	l := r.section(s.get("log"), "log.", "level", "format")
	l.oneOf("level", &f.Log.Level, "debug", "info", "warn", "error")
	l.oneOf("format", &f.Log.Format, "text", "json")
}

func (r *reader) readMemory(s *section, f *File) {
	f.Memory = Memory{Hugepages: "auto", Megabytes: 512}
	m := r.section(s.get("memory"), "memory.", "hugepages", "megabytes")
	m.oneOf("hugepages", &f.Memory.Hugepages, HugepageModes...)
	m.num("megabytes", minMegabytes, maxMegabytes, &f.Memory.Megabytes)
}

func (r *reader) readPort(n ast.Node, path string) Port {
	p := Port{Queues: 1, at: n.GetToken()}
	s := r.section(n, path, "name", "device", "addresses", "vlan", "mtu", "queues")
	if v := s.need("name", "name the port, for example `name: p0`"); v != nil {
		s.str("name", "a name", &p.Name)
		p.at = v.GetToken()
		if p.Name == "" || len(p.Name) > maxPortName {
			r.report(p.at, fmt.Sprintf("use 1 to %d characters", maxPortName), "%sname: %q is too long or empty", path, p.Name)
		}
	}
	if v := s.need("device", "say what it is, for example `device: \"af_packet:eth1\"`"); v != nil {
		s.str("device", "a device", &p.Device)
		if r.opt.Device != nil && p.Device != "" {
			if err := r.opt.Device(p.Device); err != nil {
				r.report(v.GetToken(), "see examples/trunkline.yaml for every kind of device", "%sdevice: %v", path, err)
			}
		}
	}
	if v := s.need("addresses", "give at least one, for example `addresses: [10.0.1.1/24]`"); v != nil {
		for i, a := range s.list("addresses") {
			r.readAddress(a, fmt.Sprintf("%saddresses[%d]", path, i), &p)
		}
		if v.Type() == ast.SequenceType && len(v.(*ast.SequenceNode).Values) == 0 {
			r.report(v.GetToken(), "give at least one, for example [10.0.1.1/24]", "%saddresses is empty", path)
		}
	}
	s.num("vlan", 0, maxVLAN, &p.VLAN)
	s.num("mtu", sctpcore.MinMTU, maxMTU, &p.MTU)
	if v := s.get("mtu"); v != nil {
		p.mtuAt = v.GetToken()
	}
	s.num("queues", 1, maxQueues, &p.Queues)
	return p
}

func (r *reader) readAddress(n ast.Node, name string, p *Port) {
	v, ok := r.text(n, name, "an address with its length")
	if !ok {
		return
	}
	a, err := netip.ParsePrefix(v)
	if err != nil {
		mend := "write an address and the length of its subnet, such as 10.0.1.1/24 or \"fd00:1::1/64\""
		if bare, err := netip.ParseAddr(v); err == nil {
			mend = fmt.Sprintf("add the length of its subnet, such as %s/%d", bare, map[bool]int{true: 24, false: 64}[bare.Is4()])
		}
		r.report(n.GetToken(), mend, "%s: %q is not an address with a length", name, v)
		return
	}
	if why := unusable(a); why != "" {
		r.report(n.GetToken(), "give one address that this host has in its subnet", "%s: %s %s", name, v, why)
		return
	}
	p.Addresses = append(p.Addresses, a)
	p.addrAt = append(p.addrAt, n.GetToken())
}

func (r *reader) readRoute(n ast.Node, path string) Route {
	rt := Route{at: n.GetToken()}
	s := r.section(n, path, "to", "via", "port", "metric")
	if v := s.need("to", "give the destination, for example `to: 0.0.0.0/0`"); v != nil {
		var to string
		s.str("to", "a prefix", &to)
		p, err := netip.ParsePrefix(to)
		switch {
		case err != nil:
			r.report(v.GetToken(), "write a prefix such as 10.9.0.0/16, 0.0.0.0/0 or \"::/0\"", "%sto: %q is not a prefix", path, to)
		case p.Masked() != p:
			r.report(v.GetToken(), fmt.Sprintf("write %s", p.Masked()), "%sto: %s has bits beyond its length", path, to)
		}
		rt.To = p
	}
	if v := s.need("via", "give the next hop, for example `via: 10.0.1.254`"); v != nil {
		s.address("via", &rt.Via)
		rt.viaAt = v.GetToken()
	}
	if v := s.need("port", "give the name of the port it leaves by"); v != nil {
		s.str("port", "a port's name", &rt.Port)
		rt.portAt = v.GetToken()
	}
	s.num("metric", 0, 1<<30, &rt.Metric)
	return rt
}

// readWorkers takes a count or a list of {cpu: N}.
func (r *reader) readWorkers(n ast.Node, f *File) {
	if n == nil {
		f.CPUs = []int{-1}
		return
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		workers := 1
		r.num(n, "workers", 1, maxWorkers, &workers)
		f.CPUs = slices.Repeat([]int{-1}, workers)
		return
	}
	if len(seq.Values) == 0 || len(seq.Values) > maxWorkers {
		r.report(n.GetToken(), fmt.Sprintf("give 1 to %d, or a count", maxWorkers), "workers: %d are too few or too many", len(seq.Values))
	}
	for i, w := range seq.Values {
		path := fmt.Sprintf("workers[%d].", i)
		cpu := -1
		s := r.section(w, path, "cpu")
		s.num("cpu", -1, 1023, &cpu)
		if v := s.get("cpu"); v != nil && cpu >= 0 {
			switch {
			case slices.Contains(f.CPUs, cpu):
				r.report(v.GetToken(), "give each worker a processor of its own", "%scpu: %d is used by another worker", path, cpu)
			case r.opt.CPUs != nil && !slices.Contains(r.opt.CPUs, cpu):
				r.report(v.GetToken(), fmt.Sprintf("this process may use %s", ranges(r.opt.CPUs)), "%scpu: there is no processor %d", path, cpu)
			}
		}
		f.CPUs = append(f.CPUs, cpu)
	}
}

func (r *reader) readService(n ast.Node, f *File) {
	if n == nil {
		return
	}
	s := r.section(n, "service.", "kind", "port", "length", "streams")
	f.Service = Service{Length: 1024, Streams: 1}
	if s.need("kind", "say echo, discard or chargen") != nil {
		s.oneOf("kind", &f.Service.Kind, "echo", "discard", "chargen")
	}
	port := map[string]int{"echo": 7, "discard": 9, "chargen": 19}[f.Service.Kind]
	s.num("port", 1, 65535, &port)
	f.Service.Port = uint16(port)
	s.size("length", 1, 512<<10, &f.Service.Length)
	s.num("streams", 1, 65535, &f.Service.Streams)
}
