package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/nic"
	"github.com/trunkline-sctp/trunkline/sctpcore"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// machine is a host with processors 0 to 3 that knows two kinds of devices.
var machine = Options{
	CPUs: []int{0, 1, 2, 3},
	Device: func(d string) error {
		if strings.HasPrefix(d, "af_packet:") || strings.HasPrefix(d, "pci:") || strings.HasPrefix(d, "memif:") || strings.HasPrefix(d, "virtio-user:") {
			return nil
		}
		return errors.New("unknown kind of device " + d)
	},
}

// TestBoundsAreTheCores: what check lets pass, the core takes.
func TestBoundsAreTheCores(t *testing.T) {
	for key, most := range map[string]int{
		"associations": sctpcore.MaxAssociations, "paths_per_association": sctpcore.MaxPaths,
		"in_streams": sctpcore.MaxStreams, "out_streams": sctpcore.MaxStreams,
	} {
		f, err := Parse("f", fmt.Appendf(nil, "%slimits: {%s: %d}\n", onePort, key, most), machine)
		require.NoError(t, err)
		_, err = sctpcore.New(sctpcore.Config{Timers: f.Timers, Limits: f.Limits})
		require.NoError(t, err, key)
		_, err = Parse("f", fmt.Appendf(nil, "%slimits: {%s: %d}\n", onePort, key, most+1), machine)
		require.Error(t, err, key)
	}
	f, err := Parse("f", fmt.Appendf(nil, "%slimits: {receive_buffer: %[2]d, send_buffer: %[2]d, store_memory: %[2]d, max_message: 1}\ntimers: {sack_delay: 500ms}\n", onePort, sctpcore.MinBuffer), machine)
	require.NoError(t, err)
	_, err = sctpcore.New(sctpcore.Config{Timers: f.Timers, Limits: f.Limits})
	require.NoError(t, err)
}

const onePort = "ports: [{name: p0, device: \"af_packet:eth1\", addresses: [10.0.1.1/24]}]\n"

func TestEveryMistakeHasItsPlaceAndMend(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"empty", "", []string{`f.yaml: the file is empty; start from examples/trunkline.yaml`}},
		{"only a comment", "# nothing\n", []string{`f.yaml: the file is empty; start from examples/trunkline.yaml`}},
		{"syntax", "ports: [1,\nlog: 2\n", []string{`f.yaml:1:8: syntax: sequence end token ']' not found; mend the YAML at the mark`}},
		{"a list", "- 1\n", []string{`f.yaml:1:1: the file must be a mapping, not a list; write it as ` + "`key: value`" + ` lines; the keys are node, memory, ports, routes, workers, idle, idle_sleep, timers, limits, service, sockets, control, http, metrics, log, drain`}},
		{"two documents", onePort + "---\n" + onePort, []string{`f.yaml:3:6: the file has more than one document; keep one`}},
		{"unknown key", "portz: []\n" + onePort, []string{`f.yaml:1:1: unknown key portz; did you mean "ports"?`}},
		{"unlike any key", "colour: red\n" + onePort, []string{`f.yaml:1:1: unknown key colour; the keys here are node, memory, ports, routes, workers, idle, idle_sleep, timers, limits, service, sockets, control, http, metrics, log, drain`}},
		{"no ports", "log: {level: info}\n", []string{"f.yaml:1:1: ports is missing; give at least one port: `ports: [{name: p0, device: \"af_packet:eth1\", addresses: [10.0.1.1/24]}]`"}},
		{"ports empty", "ports: []\n", []string{`f.yaml:1:8: ports is empty; give at least one`}},
		{"ports a mapping", "ports: {name: p0}\n", []string{"f.yaml:1:8: ports must be a list, not a mapping; write `ports: [ … ]` or lines that begin with `- `"}},
		{"idle sleep", "idle_sleep: 1s\n" + onePort, []string{`f.yaml:1:13: idle_sleep: 1s is out of range; use 10µs to 100ms`}},
		{"idle sleep of a busy worker", "idle: busy\nidle_sleep: 1ms\n" + onePort, []string{`f.yaml:2:13: idle_sleep has no meaning with idle: busy; leave it out, or make idle adaptive`}},
		{"sockets", onePort + "sockets: {path: here, mode: 0888, owner: nobody-like-that, limits: {clients: 0}}\n", []string{
			`f.yaml:2:17: sockets.path: "here" cannot be served; write an absolute path of at most 107 bytes, or @ and a name for an abstract one`,
			`f.yaml:2:29: sockets.mode: "0888" is not a mode; write three octal digits such as 0660`,
			`f.yaml:2:42: sockets.owner: there is no owner "nobody-like-that"; give one that this host knows, or a number`,
			`f.yaml:2:78: sockets.limits.clients: 0 is too small; use a whole number from 1 to 65536`,
		}},
		{"metrics", onePort + "metrics: {associations: 10001}\n", []string{`f.yaml:2:25: metrics.associations: 10001 is too large; use a whole number from 0 to 10000`}},
		{"key twice", onePort + "log: {level: info, level: warn}\n", []string{`f.yaml:2:20: log.level is given twice; keep one of them`}},
		{"word", onePort + "log: {level: inof}\n", []string{`f.yaml:2:14: log.level: "inof" is not known; did you mean "info"? It is one of debug, info, warn, error`}},
		{"number", onePort + "memory: {megabytes: lots}\n", []string{`f.yaml:2:21: memory.megabytes: "lots" is not a whole number; write a whole number from 32 to 1048576`}},
		{"too small", onePort + "memory: {megabytes: 4}\n", []string{`f.yaml:2:21: memory.megabytes: 4 is too small; use a whole number from 32 to 1048576`}},
		{"number a list", onePort + "memory: {megabytes: [4]}\n", []string{`f.yaml:2:21: memory.megabytes must be a whole number from 32 to 1048576, not a list; write a whole number from 32 to 1048576`}},
		{"device", "ports: [{name: p0, device: eth1, addresses: [10.0.1.1/24]}]\n", []string{`f.yaml:1:28: ports[0].device: unknown kind of device eth1; see examples/trunkline.yaml for every kind of device`}},
		{"device twice", "ports:\n- {name: a, device: \"af_packet:e\", addresses: [10.0.1.1/24]}\n- {name: b, device: \"af_packet:e\", addresses: [10.0.2.1/24]}\n", []string{`f.yaml:3:10: ports[1].device: "af_packet:e" is port a already; give each port a device of its own`}},
		{"name twice", "ports:\n- {name: a, device: \"af_packet:e\", addresses: [10.0.1.1/24]}\n- {name: a, device: \"af_packet:f\", addresses: [10.0.2.1/24]}\n", []string{`f.yaml:3:10: ports[1].name: "a" is used by another port; give each port a name of its own`}},
		{"address twice", "ports:\n- {name: a, device: \"af_packet:e\", addresses: [10.0.1.1/24]}\n- {name: b, device: \"af_packet:f\", addresses: [10.0.1.1/24]}\n", []string{`f.yaml:3:48: ports[1].addresses[0]: 10.0.1.1 is on port a already; remove one of the two`}},
		{"no length", "ports: [{name: p0, device: \"pci:1\", addresses: [10.0.1.1, \"fd00::1\"]}]\n", []string{
			`f.yaml:1:49: ports[0].addresses[0]: "10.0.1.1" is not an address with a length; add the length of its subnet, such as 10.0.1.1/24`,
			`f.yaml:1:59: ports[0].addresses[1]: "fd00::1" is not an address with a length; add the length of its subnet, such as fd00::1/64`,
		}},
		{"subnet itself", "ports: [{name: p0, device: \"pci:1\", addresses: [10.0.1.0/24, 10.0.2.255/24, 224.0.0.1/8]}]\n", []string{
			`f.yaml:1:49: ports[0].addresses[0]: 10.0.1.0/24 is the address of the subnet itself; give one address that this host has in its subnet`,
			`f.yaml:1:62: ports[0].addresses[1]: 10.0.2.255/24 is the broadcast address of the subnet; give one address that this host has in its subnet`,
			`f.yaml:1:77: ports[0].addresses[2]: 224.0.0.1/8 is a multicast address; give one address that this host has in its subnet`,
		}},
		{"vlan", "ports: [{name: p0, device: \"pci:1\", addresses: [10.0.1.1/24], vlan: 4095}]\n", []string{`f.yaml:1:69: ports[0].vlan: 4095 is too large; use a whole number from 0 to 4094`}},
		{"mtu for IPv6", "ports: [{name: p0, device: \"pci:1\", addresses: [\"fd00::1/64\"], mtu: 1000}]\n", []string{`f.yaml:1:69: ports[0].mtu: 1000 is too small for IPv6; use 1280 or more, or take fd00::1/64 away`}},
		{"route by unknown port", onePort + "routes: [{to: 0.0.0.0/0, via: 10.0.1.254, port: p1}]\n", []string{`f.yaml:2:49: routes[0].port: there is no port "p1"; did you mean "p0"?`}},
		{"next hop off the subnet", onePort + "routes: [{to: 0.0.0.0/0, via: 10.0.2.254, port: p0}]\n", []string{`f.yaml:2:31: routes[0].via: 10.0.2.254 is on no subnet of port p0; use a next hop in 10.0.1.0/24`}},
		{"next hop is us", onePort + "routes: [{to: 0.0.0.0/0, via: 10.0.1.1, port: p0}]\n", []string{`f.yaml:2:31: routes[0].via: 10.0.1.1 is our own address; give the address of the router`}},
		{"next hop of the other family", onePort + "routes: [{to: \"::/0\", via: 10.0.1.254, port: p0}]\n", []string{`f.yaml:2:28: routes[0].via: 10.0.1.254 cannot be a next hop to ::/0; use a next hop of the destination's family`}},
		{"route with host bits", onePort + "routes: [{to: 10.9.0.1/16, via: 10.0.1.254, port: p0}]\n", []string{`f.yaml:2:15: routes[0].to: 10.9.0.1/16 has bits beyond its length; write 10.9.0.0/16`}},
		{"processor", onePort + "workers: [{cpu: 1}, {cpu: 1}, {cpu: 7}]\n", []string{
			`f.yaml:2:27: workers[1].cpu: 1 is used by another worker; give each worker a processor of its own`,
			`f.yaml:2:37: workers[2].cpu: there is no processor 7; this process may use processors 0-3`,
		}},
		{"workers none", onePort + "workers: 0\n", []string{`f.yaml:2:10: workers: 0 is too small; use a whole number from 1 to 16`}},
		{"duration without unit", onePort + "timers: {rto_min: 20}\n", []string{`f.yaml:2:19: timers.rto_min: "20" is not a duration; write it with its unit, such as 20ms, 1.5s or 2m`}},
		{"sack delay", onePort + "timers: {sack_delay: 501ms}\n", []string{`f.yaml:2:22: timers.sack_delay: 501ms is out of range; use 0s to 500ms`}},
		{"rto order", onePort + "timers: {profile: telecom, rto_min: 300ms}\n", []string{`f.yaml:2:37: timers.rto_min of 300ms is above timers.rto_initial of 200ms; make rto_min ≤ rto_initial ≤ rto_max (what is not given is of profile telecom)`}},
		{"size", onePort + "limits: {send_buffer: 1 mile}\n", []string{`f.yaml:2:23: limits.send_buffer: "1 mile" is not a size in bytes; write bytes, or a number with KiB, MiB, GiB, kB, MB or GB`}},
		{"node", onePort + "node: \"a b\"\n", []string{`f.yaml:2:7: node: "a b" cannot be a name; use 1 to 63 characters without blanks and quotes`}},
		{"control", onePort + "control: {path: \"@x\", mode: 9, group: none-such, moed: 1}\n", []string{
			`f.yaml:2:17: control.path: "@x" cannot be served; write an absolute path of at most 107 bytes`,
			`f.yaml:2:29: control.mode: "9" is not a mode; write three octal digits such as 0660`,
			`f.yaml:2:39: control.group: there is no group "none-such"; give one that this host knows, or a number`,
			`f.yaml:2:50: unknown key control.moed; did you mean "mode"?`,
		}},
		{"control on", onePort + "control: on\n", []string{"f.yaml:2:10: control must be a mapping, not \"on\"; write it as `key: value` lines; the keys are path, mode, owner, group"}},
		{"http for everybody", onePort + "http: {listen: 0.0.0.0:9464}\n", []string{
			"f.yaml:2:16: http.listen: 0.0.0.0:9464 can be reached from elsewhere, and anybody could read; add `token_file: FILE` with a secret of 16 characters or more, or listen on 127.0.0.1",
		}},
		{"http without a port", onePort + "http: {listen: localhost, token_file: here}\n", []string{
			"f.yaml:2:16: http.listen: \"localhost\" is not an address with a port; write an address and a port, such as 127.0.0.1:9464 or \"[::1]:9464\"",
			`f.yaml:2:39: http.token_file: "here" is relative; write an absolute path`,
		}},
		{"message above buffer", onePort + "limits: {max_message: 2MiB}\n", []string{`f.yaml:2:23: limits.max_message of 2MiB is above limits.send_buffer of 1MiB; lower max_message or raise send_buffer`}},
		{"service without kind", onePort + "service: {port: 7}\n", []string{`f.yaml:2:11: service.kind is missing; say echo, discard or chargen`}},
		{"misspelt key is not missing too", "ports: [{name: p0, device: \"pci:1\", adresses: [10.0.1.1/24]}]\n", []string{`f.yaml:1:37: unknown key ports[0].adresses; did you mean "addresses"?`}},
		{"all at once", "memory: {megabytes: 4}\n" + onePort + "workers: none\nlog: {format: xml}\n", []string{
			`f.yaml:1:21: memory.megabytes: 4 is too small; use a whole number from 32 to 1048576`,
			`f.yaml:3:10: workers: "none" is not a whole number; write a whole number from 1 to 16`,
			`f.yaml:4:15: log.format: "xml" is not known; use one of text, json`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f.yaml", []byte(c.src), machine)
			var ps Problems
			require.ErrorAs(t, err, &ps)
			var got []string
			for _, p := range ps {
				got = append(got, p.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestProblemShowsTheLineMarked(t *testing.T) {
	_, err := Parse("f.yaml", []byte(onePort+"log: {level: inof}\n"), machine)
	var ps Problems
	require.ErrorAs(t, err, &ps)
	require.Equal(t, ">  2 | log: {level: inof}\n                    ^", ps[0].Source)
}

func TestErrorSaysHowManyMore(t *testing.T) {
	_, err := Parse("f.yaml", []byte(onePort+"log: {level: inof, format: xml}\n"), machine)
	require.ErrorContains(t, err, "f.yaml:2:14:")
	require.ErrorContains(t, err, "(and 1 more: run `trunkline check f.yaml` to see all)")
}

func TestExamplesAreRight(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		_, err := Load(path, machine)
		require.NoError(t, err, path)
	}
}

// TestExampleShowsDefaults holds the comments of examples/trunkline.yaml: what it
// shows is what a file without these sections gives.
func TestExampleShowsDefaults(t *testing.T) {
	full, err := Load("../../examples/trunkline.yaml", machine)
	require.NoError(t, err)
	least, err := Parse("f.yaml", []byte(onePort+"service: {kind: echo}\ntimers: {profile: telecom, shutdown_guard: 2s}\n"), machine)
	require.NoError(t, err)
	require.Equal(t, least.Memory, full.Memory)
	require.Equal(t, least.Limits, full.Limits)
	require.Equal(t, least.Timers, full.Timers)
	require.Equal(t, least.Service, full.Service)
	require.Equal(t, least.Log, full.Log)
	require.Equal(t, least.Metrics, full.Metrics)
	require.Equal(t, DefaultSockets, full.Sockets.Path)
	require.Equal(t, sockets.DefaultLimits(), sockets.Limits{Clients: full.Sockets.Clients, Sockets: full.Sockets.Sockets,
		Associations: full.Sockets.Associations, Buffered: full.Sockets.Buffered, Lanes: full.Sockets.Lanes})
	require.Equal(t, sctpcore.DefaultLimits(), least.Limits)
	require.Equal(t, []int{-1}, least.CPUs)
}

func TestValuesArrive(t *testing.T) {
	f, err := Parse("f.yaml", []byte(onePort+`
routes: [{to: 10.9.0.0/16, via: 10.0.1.254, port: p0, metric: 3}]
workers: 2
timers: {rto_min: 0.5s, primary_switchover: 2}
limits: {send_buffer: 1.5MiB}
service: {kind: chargen, streams: 4, length: 2kB}
sockets: {path: "@x", mode: 0640, owner: 5, dynamic_addresses: off, limits: {sockets: 7, buffered: 2MiB}}
`), machine)
	require.NoError(t, err)
	require.Equal(t, []int{-1, -1}, f.CPUs)
	require.Equal(t, 500*sctpcore.Millisecond, f.Timers.RTOMin)
	require.Equal(t, 2, f.Timers.PrimarySwitchover)
	require.Equal(t, 3<<19, f.Limits.SendBuffer)
	require.Equal(t, Service{Kind: "chargen", Port: 19, Length: 2000, Streams: 4}, f.Service)
	five := 5
	require.Equal(t, Sockets{Endpoint: Endpoint{Path: "@x", Mode: 0o640, Owner: &five}, FixedAddresses: true, Sockets: 7, Buffered: 2 << 20}, f.Sockets)
	require.True(t, f.Dataplane(make([]nic.Port, 1), nil).Loopback)
	require.Equal(t, 3, f.Routes[0].Metric)
	require.Equal(t, "10.9.0.0/16", f.Routes[0].To.String())
}

func TestControlAndHTTP(t *testing.T) {
	parse := func(src string) *File {
		f, err := Parse("f.yaml", []byte(onePort+src), machine)
		require.NoError(t, err)
		return f
	}
	host, err := os.Hostname()
	require.NoError(t, err)
	f := parse("")
	require.Equal(t, host, f.Node)
	require.Equal(t, Control{Endpoint: Endpoint{Mode: 0o600}}, f.Control)
	require.False(t, f.HTTP.Listen.IsValid())
	require.True(t, parse("control: off\n").Control.Off)
	seven := 7
	require.Equal(t, Control{Endpoint: Endpoint{Path: "/x/c", Mode: 0o660, Group: &seven}}, parse("control: {path: /x/c, mode: 0660, group: 7}\n").Control)
	require.Equal(t, DefaultHTTP, parse("http: {}\n").HTTP.Listen.String())
	require.Equal(t, "[::1]:80", parse("http: {listen: \"[::1]:80\"}\n").HTTP.Listen.String())
	f = parse("node: a\nhttp: {listen: 0.0.0.0:80, token_file: /t}\n")
	require.Equal(t, "a", f.Node)
	require.Equal(t, "/t", f.HTTP.TokenFile)
}

func TestLoadTellsOfAMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), machine)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzParse holds that no content makes the reader panic, and that what it
// refuses has a reason.
func FuzzParse(f *testing.F) {
	f.Add([]byte(onePort))
	f.Add([]byte("ports: [{name: [], device: {}, addresses: [[1]]}]\nworkers: [1, {cpu: {}}]"))
	f.Add([]byte("a: &x [1]\nports: *x\n<<: *x"))
	f.Add([]byte("ports: !!str x\ntimers: |\n  a\n? b\n: c"))
	full, err := os.ReadFile("../../examples/trunkline.yaml")
	require.NoError(f, err)
	f.Add(full)
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("f.yaml", src, machine)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, file.Ports)
	})
}

// TestProblemHasAPlace: that of the value, or of the section that would have it.
func TestProblemHasAPlace(t *testing.T) {
	f, err := Parse("f.yaml", []byte(onePort+"log: {level: info}\n"), machine)
	require.NoError(t, err)
	for key, want := range map[string]string{
		"ports[0].device": "f.yaml:1:28: ports[0].device x; y",
		"log.level":       "f.yaml:2:14: log.level x; y",
		"sockets.path":    "f.yaml: sockets.path x; y",
	} {
		require.Equal(t, want, f.Problem(key, "x", "y").String())
	}
	require.Equal(t, "f.yaml:2:6: log.format x; y", f.Problem("log.format", "x", "y").String())
	require.Equal(t, ">  2 | log: {level: info}\n                    ^", f.Problem("log.level", "", "").Source)
}
