package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// config fills a template of testdata/config into the exchange's directory.
func (p *place) config(t *testing.T, template, to string, replace ...string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/config", template))
	require.NoError(t, err)
	text := p.fill(strings.NewReplacer(replace...).Replace(string(b)))
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, to), []byte(text), 0o600))
}

// configured fills a template under its own name.
func configured(template string) func(*testing.T, *place) {
	return func(t *testing.T, p *place) { p.config(t, template, template) }
}

// testdata is the absolute path of one of its files.
func testdata(name string) string {
	p, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		panic(err)
	}
	return p
}

func prepareJava(t *testing.T, p *place) {
	out, err := exec.Command("javac", "-d", p.dir, testdata("java/Echo.java")).CombinedOutput()
	require.NoError(t, err, string(out))
}

// longText is what is piped through programs that copy.
var longText = func() string {
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, "line %d of what is piped through\n", i)
	}
	return b.String()
}()

// with is a command with more words.
func with(head []string, more ...string) []string { return slices.Concat(head, more) }

// exchanges are all programs. Servers have both addresses, by their configuration or
// by the wildcard; clients that do not bind have them, too.
func exchanges() []exchange {
	return slices.Concat(tools(), telephony(), languages(), sctpTests(), sctpDarns())
}

// tools copy and measure.
func tools() []exchange {
	qperf := []string{"qperf", "--wait_server", "10", "SERVER", "-t", "1"}
	return []exchange{
		{name: "checksctp", needs: []string{"checksctp"}, client: []string{"checksctp"}, outcome: outcome{says: "SCTP supported"}},
		{name: "socat", needs: []string{"socat"}, server: []string{"socat", "-d", "-d", "SCTP4-LISTEN:5004,fork", "EXEC:cat"}, ready: "listening on",
			client: []string{"socat", "-", "SCTP4-CONNECT:SERVER:5004"}, input: longText, outcome: outcome{echoes: true}, endless: true},
		{name: "ncat", needs: []string{"ncat"}, server: []string{"ncat", "-v", "--sctp", "-4", "-l", "5008", "-e", "/bin/cat"}, ready: "Listening on",
			client: []string{"ncat", "--sctp", "SERVER", "5008"}, input: longText, outcome: outcome{echoes: true}, endless: true},
		{name: "qperf bandwidth", needs: []string{"qperf"}, server: []string{"qperf"}, client: with(qperf, "sctp_bw"), outcome: outcome{says: `sctp_bw:\s+bw\s+=\s+[\d.]+ [KMG]B`}},
		{name: "qperf latency", needs: []string{"qperf"}, server: []string{"qperf"}, client: with(qperf, "sctp_lat"), outcome: outcome{says: `sctp_lat:\s+latency\s+=`}},
		{name: "stress-ng", needs: []string{"stress-ng"}, client: []string{"stress-ng", "--sctp", "2", "--sctp-ops", "2000", "--metrics-brief", "--verify"}, outcome: outcome{says: `successful run completed`}},
	}
}

// telephony is SIP, Diameter and SIGTRAN.
func telephony() []exchange {
	return []exchange{
		{name: "kamailio", needs: []string{"kamailio", "python3"}, prepare: configured("kamailio.cfg"),
			server: []string{"kamailio", "-f", "DIR/kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-Y", "DIR", "-P", "DIR/pid"},
			client: []string{"python3", testdata("python/options.py"), "SERVER", "5060"}, outcome: outcome{says: `^SIP/2.0 200 Alive`}},
		{name: "osmo-stp", needs: []string{"osmo-stp", "python3"}, prepare: configured("osmo-stp.cfg"), server: []string{"osmo-stp", "-c", "DIR/osmo-stp.cfg"},
			client: []string{"python3", testdata("python/m3ua.py"), "SERVER", "2905"}, outcome: outcome{says: `(?s)ASPUP ACK.*BEAT ACK.*up`}},
	}
}

// languages are the SCTP of runtimes.
func languages() []exchange {
	java := []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", "DIR", "Echo"}
	escript := []string{"escript", testdata("erlang/echo.escript")}
	python := []string{"python3", testdata("python/echo.py")}
	return []exchange{
		{name: "Java SctpChannel", needs: []string{"java", "javac"}, prepare: prepareJava, server: with(java, "server", "SERVER,SERVER2", "5006"), ready: "listening",
			client: with(java, "client", "SERVER", "5006", "2000"), outcome: outcome{says: `echoed 2000`}},
		{name: "Erlang seqpacket", needs: []string{"escript"}, server: with(escript, "server", "seqpacket", "SERVER,SERVER2", "5007"), ready: "listening",
			client: with(escript, "client", "seqpacket", "SERVER", "5007", "2000"), outcome: outcome{says: `echoed 2000`}},
		{name: "Python", needs: []string{"python3"}, server: with(python, "server", "ANY", "5009"), ready: "listening",
			client: with(python, "client", "SERVER", "5009", "2000"), outcome: outcome{says: `echoed 2000`}},
	}
}

// prefix names the style of sockets that an option asks for.
func prefix(style []string) string {
	if style == nil {
		return ""
	}
	return "one-to-one "
}

// linewise has a C program write each line at once.
var linewise = []string{"stdbuf", "-oL"}

// sctpTests are sctp_test's modes: message sizes, order, streams, both styles, several
// addresses and sctp_connectx, several sockets and associations at once.
func sctpTests() (all []exchange) {
	server := with(linewise, "sctp_test", "-H", "SERVER", "-B", "SERVER2", "-P", "6000", "-l")
	client := with(linewise, "sctp_test", "-H", "CLIENT", "-B", "CLIENT2", "-P", "6010", "-p", "6000", "-s")
	add := func(name string, server, client []string) {
		all = append(all, exchange{name: "sctp_test " + name, needs: []string{"sctp_test", "stdbuf"}, server: server, ready: "Server: Receiving|listen", client: client,
			outcome: outcome{says: `sendmsg`, agree: sameMessages}})
	}
	for _, style := range [][]string{nil, {"-T"}} {
		for size := range 7 {
			add(fmt.Sprintf("%scase %d", prefix(style), size), with(server, style...),
				slices.Concat(client, style, []string{"-h", "SERVER", "-c", fmt.Sprint(size), "-x", "3", "-o", fmt.Sprint(size % 4), "-M", "3", "-t", fmt.Sprint(size % 2)}))
		}
		add(prefix(style)+"connectx", with(server, style...), slices.Concat(client, style, []string{"-C", "SERVER", "-C", "SERVER2", "-c", "4"}))
	}
	add("mixed", with(linewise, "sctp_test", "-H", "ANY", "-P", "6000", "-L", "2"),
		with(linewise, "sctp_test", "-H", "ANY", "-P", "6010", "-h", "SERVER", "-p", "6000", "-S", "2", "-x", "3", "-c", "2", "-a", "1"))
	return all
}

var (
	sentSize = regexp.MustCompile(`sendmsg\(.*\)\s+(\d+) bytes`)
	gotSize  = regexp.MustCompile(`Data (\d+) bytes`)
)

// sameMessages tells whether sctp_test's server got each message that the client sent,
// whole, by their sizes.
func sameMessages(client, server string) bool {
	sizes := func(re *regexp.Regexp, text string) (all []string) {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all) // unordered ones overtake
		return all
	}
	return slices.Equal(sizes(sentSize, client), sizes(gotSize, server))
}

// sctpDarns are sctp_darn's modes.
func sctpDarns() (all []exchange) {
	server := with(linewise, "sctp_darn", "-H", "SERVER", "-B", "SERVER2", "-P", "6100", "-l")
	client := with(linewise, "sctp_darn", "-H", "CLIENT", "-B", "CLIENT2", "-P", "6101", "-p", "6100", "-s")
	lines := "one line\nanother\na third\n"
	arrive := outcome{serverSays: `(?s)one line.*another.*a third`}
	add := func(name string, server, client []string, input string, want outcome) {
		all = append(all, exchange{name: "sctp_darn " + name, needs: []string{"sctp_darn", "stdbuf"}, server: server, ready: "listening", client: client,
			input: input, outcome: want, anyExit: true})
	}
	for _, style := range [][]string{nil, {"-t"}} {
		add(prefix(style)+"sends", with(server, style...), slices.Concat(client, style, []string{"-h", "SERVER"}), lines, arrive)
		add(prefix(style)+"connectx", with(server, style...), slices.Concat(client, style, []string{"-c", "SERVER", "-c", "SERVER2"}), lines, arrive)
	}
	return all
}
