package watch

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/observe"
)

// sample is a state with something of everything.
func sample() *observe.State {
	now := time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)
	ip := netip.MustParseAddr
	return &observe.State{
		Time: now, Started: now.Add(-25 * time.Hour), Node: "east", Version: "0.5.0", Associations: 2,
		PathCounts: []observe.PathCount{{Port: "p0", State: "ACTIVE", Count: 1}, {Port: "p1", State: "UNCONFIRMED", Count: 1}, {State: "INACTIVE", Count: 1}},
		Ports: []observe.Port{
			{Name: "p0", Driver: "net_af_packet", MAC: "02:00:00:00:00:01", MTU: 1500, Up: true, SpeedMbps: 2500, Paths: 1,
				Addrs:   []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24"), netip.MustParsePrefix("fd00:1::1/64")},
				Traffic: observe.Traffic{RxPackets: 1234567, TxPackets: 9999, RxBytes: 5 << 30, TxBytes: 1 << 20}, RxMissed: 3, Queues: make([]observe.Queue, 2)},
			{Name: "p1", Driver: "net_af_packet", MAC: "02:00:00:00:00:02", MTU: 1500, Flaps: 1, Paths: 1,
				Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.2.1/24")}, Queues: make([]observe.Queue, 1)},
		},
		Assocs: []observe.Assoc{
			{ID: "0.17", State: "ESTABLISHED", Since: now.Add(-90 * time.Second), LocalPort: 40000, PeerPort: 7, InStreams: 64, OutStreams: 10,
				TxMessages: 1_500_000, RxMessages: 12, Retransmitted: 4, SendQueued: 1 << 20, InFlight: 1500, PeerRwnd: 1 << 19, Features: []string{"auth", "asconf"},
				Paths: []observe.Path{
					{Dst: ip("10.0.1.2"), Src: ip("10.0.1.1"), Port: "p0", State: "ACTIVE", Current: true, RTO: 20, SRTT: 0.2134, Cwnd: 4380, Flight: 1500, HBSent: 9, HBAcked: 9, MTU: 1500},
					{Dst: ip("10.0.2.2"), Src: ip("10.0.2.1"), State: "INACTIVE", Primary: true, LinkDown: true, RTO: 1600, SRTT: 12.4, Cwnd: 1500, Errors: 5, Timeouts: 2, MTU: 1500},
				}},
			{ID: "1.3", State: "COOKIE-WAIT", Since: now, Worker: 1, LocalPort: 9, PeerPort: 5000,
				Paths: []observe.Path{{Dst: ip("fd00::2"), Src: ip("fd00::1"), Port: "p1", State: "UNCONFIRMED", Primary: true, Current: true, RTO: 1000, Cwnd: 4380}}},
		},
		Drops: []observe.Drop{
			{Name: "inet_no_route", Help: "there is no route to the destination", Count: 12},
			{Name: "sctp_bad_checksum", Help: "the CRC32c in the packet is wrong"},
		},
	}
}

// drawn is a view's table on a screen of a width.
func drawn(v *view, width int, all bool) string {
	t := &table{columns: v.columns, width: width}
	return "\n" + strings.Join(t.lines(v.rows(sample(), all)), "\n") + "\n"
}

func TestTablesWithoutATerminal(t *testing.T) {
	require.Equal(t, `
ASSOC  STATE        PEER             PORT  PATHS    AGE  TX MSGS  RX MSGS  RESENT    QUEUED    FLIGHT  PEER RWND  STREAMS  WORKER  FEATURES
0.17   ESTABLISHED  10.0.1.2:7      40000    1/2  1m30s    1.50M       12       4  1.00 MiB  1.46 KiB    512 KiB    10/64       0  auth,asconf
1.3    COOKIE-WAIT  [fd00::2]:5000      9    0/1     0s        0        0       0       0 B       0 B        0 B      0/0       1
`, drawn(&assocsView, 0, false))
	require.Equal(t, `
ASSOC     TO        PORT  STATE        NOTE                  RTO      SRTT      CWND    FLIGHT  ERRORS  RESENT  TIMEOUTS  HB ACKED/SENT   MTU  FROM
0.17   *  10.0.1.2  p0    ACTIVE                           20 ms  0.213 ms  4.28 KiB  1.46 KiB       0       0         0            9/9  1500  10.0.1.1
0.17      10.0.2.2  none  INACTIVE     primary, link down  1.6 s   12.4 ms  1.46 KiB       0 B       5       0         2            0/0  1500  10.0.2.1
1.3    *  fd00::2   p1    UNCONFIRMED  primary               1 s         -  4.28 KiB       0 B       0       0         0            0/0     0  fd00::1
`, drawn(&pathsView, 0, false))
	require.Equal(t, `
PORT  LINK     ADDRESSES                 PATHS  RX PKTS  RX BYTES  TX PKTS  TX BYTES  LOST  ERRORS  FLAPS  QUEUES   MTU  MAC                DRIVER
p0    up 2.5G  10.0.1.1/24 fd00:1::1/64      1    1.23M  5.00 GiB     9999  1.00 MiB     3       0      0       2  1500  02:00:00:00:00:01  net_af_packet
p1    down     10.0.2.1/24                   1        0       0 B        0       0 B     0       0      1       1  1500  02:00:00:00:00:02  net_af_packet
`, drawn(&portsView, 0, false))
	require.Equal(t, `
DROP           COUNT  WHAT IT IS
inet_no_route     12  there is no route to the destination
`, drawn(&dropsView, 0, false))
}

func TestTablesFitTheTerminal(t *testing.T) {
	require.Equal(t, `
ASSOC  STATE        PEER            PATHS    AGE  TX MSGS  RX MSGS  RESENT
0.17   ESTABLISHED  10.0.1.2:7        1/2  1m30s    1.50M       12       4
1.3    COOKIE-WAIT  [fd00::2]:5000    0/1     0s        0        0       0
`, drawn(&assocsView, 80, false))
	require.Equal(t, `
DROP               COUNT  WHAT IT IS
inet_no_route         12  there is no rou…
sctp_bad_checksum      0  the CRC32c in t…
`, drawn(&dropsView, 42, true))
	for _, v := range []*view{&assocsView, &pathsView, &portsView, &dropsView} {
		for width := 60; width < 200; width++ {
			for line := range strings.Lines(drawn(v, width, true)) {
				require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), width, "%s", line)
			}
		}
		_ = drawn(v, 1, true) // as narrow as it gets, and no panic
	}
}

// TestWidthsOnlyGrow: a table that comes in parts has its columns in line.
func TestWidthsOnlyGrow(t *testing.T) {
	tab := &table{columns: []column{{head: "A"}, {head: "B", right: true}}}
	require.Equal(t, []string{"A     B", "wide  1"}, tab.lines([][]cell{{text("wide"), text("1")}}))
	require.Equal(t, []string{"x     2"}, tab.lines([][]cell{{text("x"), text("2")}}))
	require.Equal(t, []string{"wider!  12345"}, tab.lines([][]cell{{text("wider!"), text("12345")}}))
}

func TestStylesOnlyWhereWanted(t *testing.T) {
	tab := &table{columns: pathsView.columns, color: true}
	lines := strings.Join(tab.lines(pathsView.rows(sample(), false)), "\n")
	require.Contains(t, lines, "\x1b[31mINACTIVE\x1b[0m")
	require.Contains(t, lines, "\x1b[33mUNCONFIRMED\x1b[0m")
	require.NotContains(t, drawn(&pathsView, 0, false), "\x1b")
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ want, got string }{
		{"0", count(0)}, {"9999", count(9999)}, {"10.0k", count(10000)}, {"99.9k", count(99949)}, {"100k", count(99951)}, {"1.00M", count(999_999)},
		{"18.4E", count(^uint64(0))},
		{"0 B", size(0)}, {"1023 B", size(1023)}, {"1.00 KiB", size(1024)}, {"16.0 EiB", size(^uint64(0))},
		{"0", rate(0)}, {"0.25", rate(0.25)}, {"12", rate(12)}, {"1.20k", rate(1200)},
		{"9.87 Gbit/s", bits(9.87e9)}, {"0 bit/s", bits(0)},
		{"-", millis(0)}, {"0.213 ms", millis(0.2134)}, {"60 s", millis(60000)},
		{"0s", age(-time.Second)}, {"59s", age(59 * time.Second)}, {"1m00s", age(time.Minute)}, {"23h59m", age(24*time.Hour - 1)}, {"10d01h", age(241 * time.Hour)},
		{"100M", speed(100)}, {"2.5G", speed(2500)}, {"100G", speed(100_000)},
	} {
		require.Equal(t, c.want, c.got, fmt.Sprint(c))
	}
}
