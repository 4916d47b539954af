package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
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

func prepareFreeDiameter(t *testing.T, p *place) {
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=server.test", "-addext", "subjectAltName=DNS:server.test,DNS:client.test",
		"-keyout", p.dir+"/key.pem", "-out", p.dir+"/cert.pem").CombinedOutput()
	require.NoError(t, err, string(out))
	p.config(t, "freediameter.conf", "server.conf", "@ME@", "server", "@PORT@", "3868", "@IP@", "SERVER", "@IP2@", "SERVER2", "@PEER@", "client", "@PEERIP@", "CLIENT", "@PEERPORT@", "3869")
	p.config(t, "freediameter.conf", "client.conf", "@ME@", "client", "@PORT@", "3869", "@IP@", "CLIENT", "@IP2@", "CLIENT2", "@PEER@", "server", "@PEERIP@", "SERVER", "@PEERPORT@", "3868")
}

// prepareGo builds a program of another module whose go.mod replaces the package.
func prepareGo(t *testing.T, p *place) {
	build := exec.Command("go", "build", "-o", filepath.Join(p.dir, "ngap"))
	build.Dir = testdata("gouser")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
}

// prepareJava compiles the Java program, once for all exchanges.
func prepareJava(t *testing.T, p *place) {
	classes := filepath.Join(os.TempDir(), "classes") // TestPrograms's own
	if _, err := os.Stat(classes); err != nil {
		out, err := exec.Command("javac", "-d", classes, testdata("java/Echo.java")).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.NoError(t, os.CopyFS(p.dir, os.DirFS(classes)))
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

// linewise has a C program write each line at once.
var linewise = []string{"stdbuf", "-oL"}

// freePort is a TCP port of this machine on which nobody listens: iperf3 talks over TCP
// beside SCTP, and somebody may have its usual one.
func freePort() string {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return "5201"
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// tools copy and measure.
func tools() []exchange {
	port := freePort()
	iperf3, qperf := []string{"iperf3", "--sctp", "-p", port, "-c", "SERVER"}, []string{"qperf", "--wait_server", "10", "SERVER", "-t", "1"}
	iperf3Server := []string{"iperf3", "--forceflush", "-p", port, "-s", "-1"}
	copied := outcome{echoes: true}
	return []exchange{
		{name: "checksctp", needs: []string{"checksctp"}, client: []string{"checksctp"}, outcome: outcome{says: "SCTP supported"}, local: true},
		{name: "iperf3", needs: []string{"iperf3"}, server: iperf3Server, ready: "Server listening",
			client: with(iperf3, "-n", "50M"), outcome: outcome{says: `[\d.]+ MBytes .*receiver`}, cutAfter: 5000},
		{name: "iperf3 backwards", needs: []string{"iperf3"}, server: iperf3Server, ready: "Server listening",
			client: with(iperf3, "-n", "20M", "-R", "-l", "1000"), outcome: outcome{says: `[\d.]+ MBytes .*receiver`}, cutAfter: 5000},
		{name: "iperf3 parallel", needs: []string{"iperf3"}, server: iperf3Server, ready: "Server listening",
			client: with(iperf3, "-n", "20M", "-P", "4"), outcome: outcome{says: `SUM.* MBytes .*receiver`}, cutAfter: 5000},
		{name: "socat", needs: []string{"socat"}, server: []string{"socat", "-d", "-d", "SCTP4-LISTEN:5004,fork", "EXEC:cat"}, ready: "listening on",
			client: []string{"socat", "-", "SCTP4-CONNECT:SERVER:5004"}, input: longText, outcome: copied, endless: true, cutAfter: 400},
		// What comes back must fit into a pipe: ncat does not read from its command while it writes to it.
		{name: "ncat", needs: []string{"ncat"}, server: []string{"ncat", "-v", "--sctp", "-4", "-l", "5008", "-e", "/bin/cat"}, ready: "Listening on",
			client: []string{"ncat", "--sctp", "SERVER", "5008"}, input: longText[:60000], outcome: copied, endless: true, cutAfter: 30},
		{name: "qperf bandwidth", needs: []string{"qperf"}, server: []string{"qperf"}, client: with(qperf, "sctp_bw"),
			outcome: outcome{says: `sctp_bw:\s+bw\s+=\s+[\d.]+ [KMG]B`}, cutAfter: 5000},
		{name: "qperf latency", needs: []string{"qperf"}, server: []string{"qperf"}, client: with(qperf, "sctp_lat"),
			outcome: outcome{says: `sctp_lat:\s+latency\s+=`}, cutAfter: 500},
		{name: "netperfmeter", needs: []string{"netperfmeter", "stdbuf"}, server: with(linewise, "netperfmeter", "9000"), ready: "Passive Mode",
			client:  with(linewise, "netperfmeter", "SERVER:9000", "-runtime=2", "-sctp", "const100:const1000:const100:const1000"),
			outcome: outcome{says: `(?s)Loss:.*Packets: +0 packets`}, cutAfter: 200},
		{name: "stress-ng", needs: []string{"stress-ng"}, client: []string{"stress-ng", "--sctp", "2", "--sctp-ops", "2000", "--metrics-brief", "--verify"},
			outcome: outcome{says: `successful run completed`}, local: true},
	}
}

// telephony is SIP, Diameter and SIGTRAN.
func telephony() []exchange {
	return []exchange{
		// It sends all messages unordered, so a later one may come first when a packet was lost.
		{name: "sipp", needs: []string{"sipp"}, server: []string{"sipp", "-default_behaviors", "all,-abortunexp", "-sn", "uas", "-t", "s1", "-i", "SERVER", "-multihome", "SERVER2", "-p", "5060", "-nostdin"}, quiet: "5060",
			client: []string{"sipp", "-default_behaviors", "all,-abortunexp", "-sn", "uac", "-t", "s1", "-i", "CLIENT", "-multihome", "CLIENT2", "-p", "5062",
				"-m", "200", "-r", "200", "-d", "100", "-nostdin", "SERVER:5060"},
			outcome: outcome{says: `Successful call\s*\|\s*\d+\s*\|\s*200\b`}, cutAfter: 400},
		{name: "freeDiameter", needs: []string{"freeDiameterd", "openssl"}, prepare: prepareFreeDiameter,
			server: []string{"freeDiameterd", "-d", "-d", "-c", "DIR/server.conf"}, ready: "freeDiameterd daemon initialized",
			client: []string{"freeDiameterd", "-d", "-d", "-c", "DIR/client.conf"}, endless: true,
			outcome: outcome{says: `-> 'STATE_OPEN'`, serverSays: `-> 'STATE_OPEN'`}, turn: `-> 'STATE_OPEN'`, later: deviceWatchdogAnswer},
		{name: "kamailio", needs: []string{"kamailio", "python3"}, prepare: configured("kamailio.cfg"),
			server: []string{"kamailio", "-f", "DIR/kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-Y", "DIR", "-P", "DIR/pid"},
			client: []string{"python3", testdata("python/options.py"), "SERVER", "5060", "20"}, outcome: outcome{says: `alive 20`}, cutAfter: 20},
		{name: "osmo-stp", needs: []string{"osmo-stp", "python3"}, prepare: configured("osmo-stp.cfg"), server: []string{"osmo-stp", "-c", "DIR/osmo-stp.cfg"},
			client: []string{"python3", testdata("python/m3ua.py"), "SERVER", "2905", "20"}, outcome: outcome{says: `(?s)ASPUP ACK.*ASPAC ACK.*transferred 20`}, cutAfter: 30},
	}
}

// deviceWatchdogAnswer is how freeDiameter's log shows that it got one (RFC 6733, section 5.5.2).
const deviceWatchdogAnswer = `RCV from [^\n]*0/280 f:----`

// languages are the SCTP of runtimes.
func languages() []exchange {
	java := []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", "DIR", "Echo"}
	escript := []string{"escript", testdata("erlang/echo.escript")}
	python := []string{"python3", testdata("python/echo.py")}
	echoed := outcome{says: `echoed 500`}
	echo := func(name string, needs []string, server, client []string) exchange {
		return exchange{name: name, needs: needs, server: server, ready: "listening", client: client, outcome: echoed, cutAfter: 500}
	}
	all := []exchange{
		echo("Python", []string{"python3"}, with(python, "server", "ANY", "5009"), with(python, "client", "SERVER", "5009", "500")),
	}
	for _, style := range []string{"stream", "seqpacket"} {
		all = append(all, echo("Erlang "+style, []string{"escript"}, with(escript, "server", style, "SERVER,SERVER2", "5007"),
			with(escript, "client", style, "SERVER", "5007", "500")))
	}
	ngap := []string{"DIR/ngap"}
	e := echo("Go, github.com/ishidawataru/sctp", []string{"go"}, with(ngap, "server", "SERVER,SERVER2", "38412"), with(ngap, "client", "SERVER,SERVER2", "38412", "500"))
	e.prepare = prepareGo
	all = append(all, e)
	for _, style := range []string{"SctpChannel", "SctpMultiChannel"} {
		e := echo("Java "+style, []string{"java", "javac"}, with(java, "server", style, "SERVER,SERVER2", "5006"),
			with(java, "client", style, "SERVER", "5006", "500"))
		e.prepare = prepareJava
		all = append(all, e)
	}
	return all
}
