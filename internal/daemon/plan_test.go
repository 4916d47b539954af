package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trunkline-sctp/trunkline/internal/config"
)

// basis is a configuration that the tests change.
const basis = `ports:
- {name: p0, device: "af_packet:eth1", addresses: [10.0.1.1/24]}
- {name: p1, device: "af_packet:eth2", addresses: [10.0.2.1/24]}
routes: [{to: 0.0.0.0/0, via: 10.0.1.254, port: p0}]
service: {kind: echo}
`

func parse(t require.TestingT, src string) *config.File {
	f, err := config.Parse("f.yaml", []byte(src), config.Options{})
	require.NoError(t, err, src)
	return f
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string // replaced in basis
		changes  []string
		refused  []string
	}{
		{"nothing", "", "", nil, nil},
		{"address", "[10.0.2.1/24]", "[10.0.2.1/24, 10.0.2.2/24]",
			[]string{"ports[1].addresses: [10.0.2.1/24] → [10.0.2.1/24 10.0.2.2/24]"}, nil},
		{"route", "via: 10.0.1.254", "via: 10.0.1.253",
			[]string{"routes: [0.0.0.0/0 via 10.0.1.254 port p0 metric 0] → [0.0.0.0/0 via 10.0.1.253 port p0 metric 0]"}, nil},
		{"order of ports", "ports:\n- {name: p0, device: \"af_packet:eth1\", addresses: [10.0.1.1/24]}\n- {name: p1, device: \"af_packet:eth2\", addresses: [10.0.2.1/24]}\n",
			"ports:\n- {name: p1, device: \"af_packet:eth2\", addresses: [10.0.2.1/24]}\n- {name: p0, device: \"af_packet:eth1\", addresses: [10.0.1.1/24]}\n", nil, nil},
		{"default written out", "kind: echo", "kind: echo, port: 7", nil, nil},
		{"service", "kind: echo", "kind: discard, port: 1009",
			[]string{"service.kind: echo → discard", "service.port: 7 → 1009"}, nil},
		{"timers", "service:", "timers: {profile: rfc9260, path_max_retrans: 3}\nlimits: {associations: 5}\nlog: {level: debug}\ndrain: 1s\nservice:",
			[]string{"timers.path_max_retrans: 5 → 3", "limits.associations: 100000 → 5", "log.level: info → debug", "drain: 5s → 1s"}, nil},
		{"device", "af_packet:eth2", "af_packet:eth3", nil,
			[]string{"f.yaml:3:22: ports[1].device can't change while running, from af_packet:eth2 to af_packet:eth3; restart, or take it back"}},
		{"a port comes", "routes:", "- {name: p2, device: \"af_packet:eth9\", addresses: [10.0.3.1/24]}\nroutes:", nil,
			[]string{"f.yaml:4:10: ports[2].name can't come while running: p2; restart, or take it out"}},
		{"a port goes", "- {name: p1, device: \"af_packet:eth2\", addresses: [10.0.2.1/24]}\n", "", nil,
			[]string{"f.yaml:2:1: ports can't go while running: p1; restart, or put it back"}},
		{"sockets come", "service:", "sockets: {path: \"@x\"}\nservice:", nil,
			[]string{"f.yaml:5:17: sockets.path can't change while running, from none to @x; restart, or take it back"}},
		{"nothing left", "service: {kind: echo}", "", nil,
			[]string{"f.yaml: service and sockets are both gone; leave one, or stop the daemon"}},
		{"all that can't", "service: {kind: echo}", "workers: 2\nidle: busy\nmemory: {megabytes: 64}\nlimits: {max_message: 1KiB}\nlog: {level: warn, format: json}\nservice: {kind: discard}", nil,
			[]string{
				"f.yaml:5:10: workers can't change while running, from [-1] to [-1 -1]; restart, or take it back",
				"f.yaml:6:7: idle can't change while running, from adaptive to busy; restart, or take it back",
				"f.yaml:7:21: memory.megabytes can't change while running, from 512 to 64; restart, or take it back",
				"f.yaml:8:23: limits.max_message can't change while running, from 512KiB to 1KiB; restart, or take it back",
				"f.yaml:9:28: log.format can't change while running, from text to json; restart, or take it back",
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, basis, c.old)
			changes, problems := planOf(parse(t, basis), parse(t, strings.Replace(basis, c.old, c.new, 1)))
			var got, refused []string
			for _, x := range changes {
				got = append(got, x.String())
			}
			for _, p := range problems {
				refused = append(refused, p.String())
			}
			require.Equal(t, c.refused, refused)
			require.Equal(t, c.changes, got)
		})
	}
}

// TestEveryFieldIsASetting: whatever of a configuration is another one, the plan sees it. A
// field that a table in settings.go lacks fails here.
func TestEveryFieldIsASetting(t *testing.T) {
	old := parse(t, basis)
	next := parse(t, basis)
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case path == ".Path", path == ".Timers.MaxInitTimeout": // not in a file
			return
		case v.Type() == reflect.TypeFor[netip.Prefix](), v.Type() == reflect.TypeFor[netip.Addr](), v.Type() == reflect.TypeFor[netip.AddrPort]():
			was := reflect.New(v.Type()).Elem()
			was.Set(v)
			v.SetZero()
			if was.IsZero() {
				v.Set(map[reflect.Type]reflect.Value{
					reflect.TypeFor[netip.AddrPort](): reflect.ValueOf(netip.MustParseAddrPort("127.0.0.1:1")),
				}[v.Type()])
			}
			noticed(t, path, old, next)
			v.Set(was)
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(path+"."+f.Name, v.Field(i))
				}
			}
			return
		case reflect.Slice:
			require.NotZero(t, v.Len(), "give the basis a value for %s", path)
			walk(path+"[0]", v.Index(0))
			return
		}
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1<<20)
		case reflect.Uint16, reflect.Uint32:
			v.SetUint(v.Uint() ^ 1)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		default:
			t.Fatalf("%s: a %s; teach this test to change it", path, v.Kind())
		}
		noticed(t, path, old, next)
		v.Set(was)
	}
	walk("", reflect.ValueOf(next).Elem())
	changes, problems := planOf(old, next)
	require.Empty(t, changes)
	require.Empty(t, problems)
}

func noticed(t *testing.T, path string, old, next *config.File) {
	t.Helper()
	changes, problems := planOf(old, next)
	require.True(t, len(changes)+len(problems) > 0, "config.File%s is in no table of settings.go: a reload would pass over it", path)
}

// TestEveryKeyIsKnown: a key of a table is one that a file may have.
func TestEveryKeyIsKnown(t *testing.T) {
	for _, s := range settings {
		src := "x"
		for k := range strings.SplitSeq(reverse(s.key), ".") {
			src = "{" + k + ": " + src + "}"
		}
		_, err := config.Parse("f.yaml", []byte(src), config.Options{})
		var problems config.Problems
		require.ErrorAs(t, err, &problems)
		for _, p := range problems {
			require.NotContains(t, p.What, "unknown key", src)
		}
	}
}

func reverse(key string) string {
	var out []string
	for k := range strings.SplitSeq(key, ".") {
		out = append([]string{k}, out...)
	}
	return strings.Join(out, ".")
}

// anyConfig draws a valid configuration from those near to others that it draws; what cannot
// change while running mostly does not.
func anyConfig(t *rapid.T, name string) string {
	one := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name+" "+what) }
	mostly := func(what, often, seldom string) string {
		return one(what, often, often, often, often, often, often, often, often, seldom)
	}
	return fmt.Sprintf(`ports:
- {name: p0, device: %q, addresses: [%s], mtu: %s}
- {name: %s, device: "af_packet:eth2", addresses: [10.0.2.1/24]}
routes: [%s]
workers: %s
timers: {profile: %s, max_burst: %s}
limits: {receive_buffer: %s, max_message: %s}
service: {kind: %s, port: %s}
%s
control: off
log: {level: %s}
drain: %s
`, mostly("device", "af_packet:eth1", "af_packet:eth7"), one("addresses", "10.0.1.1/24", "10.0.1.2/24", "10.0.1.1/24, 10.0.1.2/16"),
		mostly("mtu", "1500", "1400"), mostly("port", "p1", "p2"), one("routes", "", "{to: 0.0.0.0/0, via: 10.0.1.254, port: p0}"),
		mostly("workers", "1", "2"), one("profile", "telecom", "rfc9260"), one("burst", "4", "5"), one("receive", "1MiB", "64KiB"),
		mostly("message", "64KiB", "32KiB"), one("kind", "echo", "discard"), one("service port", "7", "8", "9"),
		mostly("sockets", "", "sockets: {path: \"@x\"}"), one("level", "info", "warn"), one("drain", "5s", "0s"))
}

// usual is one of these.
const usual = `ports:
- {name: p0, device: "af_packet:eth1", addresses: [10.0.1.1/24], mtu: 1500}
- {name: p1, device: "af_packet:eth2", addresses: [10.0.2.1/24]}
limits: {max_message: 64KiB}
service: {kind: echo}
control: off
`

// texts is all of a configuration, by part.
func texts(f *config.File) (all [manyParts]string) {
	for _, s := range settings {
		all[s.by] += s.key + "=" + s.text(f) + ";"
	}
	for i := range f.Ports {
		for _, s := range portSettings {
			all[s.by] += f.Ports[i].Name + "." + s.key + "=" + s.text(&f.Ports[i]) + ";"
		}
	}
	return all
}

// TestAppliedOrRefused: of any two configurations, a reload ends with all of the one or all of the
// other, whichever part fails on the way.
func TestAppliedOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, next := parse(t, anyConfig(t, "old")), parse(t, anyConfig(t, "new"))
		now, was, want := texts(old), texts(old), texts(next)
		changes, problems := planOf(old, next)
		if was[restart] != want[restart] {
			require.NotEmpty(t, problems)
			require.Empty(t, changes)
			return
		}
		require.Empty(t, problems)
		parts := partsOf(changes)
		fails := part(rapid.IntRange(0, int(manyParts)).Draw(t, "fails"))
		broken := errors.New("broken")
		err := applyAll(parts, func(p part, f *config.File) error {
			if p == fails && f == next {
				return broken
			}
			now[p] = texts(f)[p]
			return nil
		}, old, next)
		if err != nil {
			require.Equal(t, broken, err)
			require.Equal(t, was, now)
			return
		}
		require.Equal(t, want, now)
	})
}

// TestHalfIsSaid: what cannot be taken back is named.
func TestHalfIsSaid(t *testing.T) {
	old, next := parse(t, basis), parse(t, basis)
	err := applyAll([]part{network, service}, func(p part, f *config.File) error {
		if p == service || f == old {
			return fmt.Errorf("part %d of %v", p, f == old)
		}
		return nil
	}, old, next)
	require.EqualError(t, err, "part 3 of false\nand what had changed before could not be taken back; restart: part 1 of true")
}

// TestPageSaysWhatIsLive holds docs/configuration.md to the tables.
func TestPageSaysWhatIsLive(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	live := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]* \\| [^|]* \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		live[m[1]] = m[2]
	}
	check := func(key string, by part) {
		said, ok := live[key]
		require.True(t, ok, "%s is not on the page", key)
		require.Equal(t, by == restart, said == "no", "%s: the page says %q", key, said)
	}
	for _, s := range settings {
		if s.key == "routes" {
			s.key = "routes[].to"
		}
		check(s.key, s.by)
	}
	for _, s := range portSettings {
		check("ports[]."+s.key, s.by)
	}
}
