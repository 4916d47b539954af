package capture

import (
	"net"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
)

var testPorts = []nic.Info{{Name: "east"}, {Name: "west"}, {Name: "none"}}

func serialize(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	return b.Bytes()
}

func ether(kind layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: kind}
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: net.IP{10, 0, 1, 1}, DstIP: net.IP{10, 0, 1, 2}}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
}

// A HEARTBEAT (4 and 4 bytes), then DATA with PPID 46 (16 and 1 bytes, padded).
var chunks = gopacket.Payload{4, 0, 0, 8, 0, 1, 0, 4, 0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 46, 'x', 0, 0, 0}

func testFrames(t testing.TB) map[string]*dataplane.Frame {
	sctp := &layers.SCTP{SrcPort: 3868, DstPort: 40000, VerificationTag: 0xabcd}
	plain := serialize(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolSCTP), sctp, chunks)
	second := ip4(layers.IPProtocolSCTP)
	second.FragOffset = 100
	arp := &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 1, SourceHwAddress: make([]byte, 6),
		SourceProtAddress: []byte{10, 0, 1, 1}, DstHwAddress: make([]byte, 6), DstProtAddress: []byte{10, 0, 1, 9}}
	fragmented := append([]byte{132, 0, 0, 1, 0, 0, 0, 7}, serialize(t, sctp, chunks)...)
	extended := append([]byte{132, 0, 0, 0, 0, 0, 0, 0}, serialize(t, sctp, chunks)...)
	return map[string]*dataplane.Frame{
		"4":    {Data: plain},
		"6":    {Data: serialize(t, ether(layers.EthernetTypeIPv6), ip6(layers.IPProtocolSCTP), sctp, chunks), Port: 1, Tx: true},
		"vlan": {Data: serialize(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 100, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolSCTP), sctp, chunks)},
		"part": {Data: serialize(t, ether(layers.EthernetTypeIPv4), second, gopacket.Payload(plain[34:]))},
		"6a":   {Data: serialize(t, ether(layers.EthernetTypeIPv6), ip6(44), gopacket.Payload(fragmented))},
		"6x":   {Data: serialize(t, ether(layers.EthernetTypeIPv6), ip6(60), gopacket.Payload(extended))},
		"arp":  {Data: serialize(t, ether(layers.EthernetTypeARP), arp)},
		"ping": {Data: serialize(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: 8 << 8})},
		"lost": {Data: plain[14:], Port: 2, Tx: true, Drops: dataplane.DropCodes{uint8(dataplane.DropCodeOf("dataplane_no_route"))}},
		"bad":  {Data: plain[:40], Drops: dataplane.DropCodes{1, uint8(dataplane.DropCodeOf("sctp_bad_tag"))}},
		"runt": {Data: plain[:5], Tx: true},
	}
}

func TestFilters(t *testing.T) {
	frames := testFrames(t)
	const all = "4 6 vlan part 6a 6x arp ping lost bad runt"
	for text, want := range map[string]string{
		"":                                 all,
		"  ":                               all,
		"tx":                               "6 lost runt",
		"rx":                               "4 vlan part 6a 6x arp ping bad",
		"NOT tx":                           "4 vlan part 6a 6x arp ping bad",
		"! tx":                             "4 vlan part 6a 6x arp ping bad",
		"not not tx":                       "6 lost runt",
		"sctp":                             "4 6 vlan part 6a 6x lost bad",
		"ip":                               "4 vlan part ping lost bad",
		"ip6":                              "6 6a 6x",
		"arp":                              "arp",
		"icmp":                             "ping",
		"vlan 100":                         "vlan",
		"port 3868":                        "4 6 vlan 6a 6x lost",
		"src port 3868":                    "4 6 vlan 6a 6x lost",
		"dst port 3868":                    "",
		"dst port 40000":                   "4 6 vlan 6a 6x lost",
		"host 10.0.1.1":                    "4 vlan part arp ping lost bad",
		"src 10.0.1.1":                     "4 vlan part arp ping lost bad",
		"src host 10.0.1.2":                "",
		"dst host 10.0.1.2":                "4 vlan part ping lost bad",
		"host 10.0.1.9":                    "arp",
		"host fd00::2":                     "6 6a 6x",
		"net 10.0.0.0/16":                  "4 vlan part arp ping lost bad",
		"dst net 10.0.1.8/29":              "arp",
		"src net fd00::/8":                 "6 6a 6x",
		"net fe00::/8":                     "",
		"net 10.0.1.1":                     "4 vlan part arp ping lost bad",
		"tag 0xABCD":                       "4 6 vlan 6a 6x lost",
		"tag 43981":                        "4 6 vlan 6a 6x lost",
		"chunk heartbeat":                  "4 6 vlan 6a 6x lost",
		"chunk DATA":                       "4 6 vlan 6a 6x lost",
		"chunk 0":                          "4 6 vlan 6a 6x lost",
		"chunk sack":                       "",
		"chunk heartbeat_ack":              "",
		"chunk shutdown-complete":          "",
		"chunk forward-tsn":                "",
		"ppid 46":                          "4 6 vlan 6a 6x lost",
		"dropped":                          "lost bad",
		"reason sctp_bad_tag":              "bad",
		"reason DATAPLANE_NO_ROUTE":        "lost",
		"interface east":                   "4 vlan part 6a 6x arp ping bad runt",
		"interface none":                   "lost",
		"interface west and port 3868":     "6",
		"tx or arp and dropped":            "6 lost runt",
		"(tx or arp) and dropped":          "lost",
		"not (tx or arp) && ! ip6":         "4 vlan part ping bad",
		"arp||icmp":                        "ERR",
		"arp || icmp":                      "arp ping",
		"host 10.0.1.1 and dst port 40000": "4 vlan lost",
		"!(ip or ip6)and not arp":          "runt",
	} {
		f, err := Parse(text, testPorts)
		if want == "ERR" {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		for name, frame := range frames {
			require.Equal(t, strings.Contains(" "+want+" ", " "+name+" "), f.Match(frame), "%q of %s", text, name)
		}
	}
}

// TestDataFilters: DATA chunks, which the type 0 stands for.
func TestDataFilters(t *testing.T) {
	payload := gopacket.Payload{0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 46, 'x', 0, 0, 0, 3, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 46}
	frame := &dataplane.Frame{Data: serialize(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolSCTP), &layers.SCTP{SrcPort: 1, DstPort: 2}, payload)}
	for text, want := range map[string]bool{
		"chunk data": true, "chunk sack": true, "chunk data and chunk sack": true, "ppid 46": true, "ppid 0x2e": true, "ppid 3": false, "chunk init": false,
	} {
		f, err := Parse(text, testPorts)
		require.NoError(t, err)
		require.Equal(t, want, f.Match(frame), text)
	}
}

func TestFilterErrors(t *testing.T) {
	for text, want := range map[string]string{
		"port":                    "filter, column 5: \"\" is not an SCTP port, which is a number from 0 to 65535",
		"port 99999":              "filter, column 6: \"99999\" is not an SCTP port, which is a number from 0 to 65535",
		"host a":                  "filter, column 6: \"a\" is no IP address, such as 10.0.0.1 or fd00::1",
		"host 10.0.0.0/8":         "filter, column 6: 10.0.0.0/8 is a network; write `net 10.0.0.0/8`",
		"net x":                   "filter, column 5: \"x\" is no network, such as 10.0.0.0/24 or fd00::/64",
		"host fe80::1%eth0":       "filter, column 6: \"fe80::1%eth0\" is no IP address, such as 10.0.0.1 or fd00::1",
		"tcp":                     "filter, column 1: \"tcp\" is not known here; there are host, net, port, src, dst, sctp,",
		"port 1 port 2":           "filter, column 8: \"port\" follows without and, or",
		"( port 1 port 2 )":       "filter, column 10: \"port\" follows without and, or",
		"( port 1":                "filter, column 1: this ( is not closed; add a )",
		"port 1 )":                "filter, column 8: this ) closes nothing; leave it out",
		"not":                     "filter, column 4: something is missing here, such as `port 3868`",
		"tx and":                  "filter, column 7: something is missing here",
		"ä and tx":                "filter, column 1: \"ä\" is not known here",
		"tx or ä or":              "filter, column 7: \"ä\" is not known here",
		"chunk foo":               "filter, column 7: \"foo\" is no chunk type; write a number from 0 to 255 or a name,",
		"reason foo":              "filter, column 8: \"foo\" is no reason; `trunkline drops --all` shows them",
		"interface north":         "filter, column 11: there is no port \"north\"; there are east, west, none",
		"vlan 4095":               "filter, column 6: \"4095\" is not a VLAN, which is a number from 0 to 4094",
		"tag 0x1ffffffff":         "filter, column 5: \"0x1ffffffff\" is not a verification tag",
		strings.Repeat("(", 300):  "filter, column 257: the filter has more than 256 words",
		strings.Repeat("x", 5000): "filter, column 4097: the filter is longer than 4096 bytes",
		strings.Repeat("!", 256):  "filter, column 257: something is missing here",
	} {
		_, err := Parse(text, testPorts)
		require.Error(t, err, text)
		require.True(t, strings.HasPrefix(err.Error(), want), "%q: %v", text, err)
		var of *FilterError
		require.ErrorAs(t, err, &of)
	}
	_, err := parse("tx", testPorts, []string{"east", "south"})
	require.EqualError(t, err, `there is no port "south"; there are east, west, none`)
	f, err := parse("tx or arp", testPorts, []string{"none", "east"})
	require.NoError(t, err)
	frames := testFrames(t)
	require.True(t, f.Match(frames["lost"]) && f.Match(frames["arp"]) && f.Match(frames["runt"]))
	require.False(t, f.Match(frames["6"]) || f.Match(frames["4"]))
}

// asked is what a filter says by its tree.
func (n *node) asked(v *view) bool {
	switch n.kind {
	case allOf:
		return n.left.asked(v) && n.right.asked(v)
	case anyOf:
		return n.left.asked(v) || n.right.asked(v)
	case noneOf:
		return !n.left.asked(v)
	}
	return n.step.ask(v)
}

// FuzzFilter: whatever the text and the frame, nothing panics, and the program says what the
// tree says.
func FuzzFilter(f *testing.F) {
	for _, frame := range testFrames(f) {
		f.Add("not (src 10.0.1.1 and port 3868) or chunk data and (dropped or ppid 46 or vlan 1)", frame.Data, uint8(frame.Port), frame.Tx)
	}
	f.Add("net ::/0 or net 0.0.0.0/0 or ! tag 0x5 && interface none", []byte{0x60}, uint8(2), true)
	f.Fuzz(func(t *testing.T, text string, data []byte, port uint8, tx bool) {
		filter, err := Parse(text, testPorts)
		if err != nil {
			return
		}
		frame := &dataplane.Frame{Data: data, Length: len(data), Port: int(port % 3), Tx: tx}
		got := filter.Match(frame)
		p := &parser{text: text, ports: testPorts}
		root, err := p.all()
		require.NoError(t, err)
		if root == nil {
			require.True(t, got)
			return
		}
		var v view
		v.look(frame, frame.Port == 2)
		require.Equal(t, root.asked(&v), got)
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	f, err := Parse("not (src 10.0.1.9 or port 1) and (chunk abort or ppid 46 or reason sctp_bad_tag)", testPorts)
	require.NoError(t, err)
	for name, frame := range testFrames(t) {
		require.Zero(t, testing.AllocsPerRun(10, func() { f.Match(frame) }), name)
	}
}

func BenchmarkMatch(b *testing.B) {
	frame := testFrames(b)["4"]
	for _, text := range []string{"", "tx", "port 3868", "host 10.0.1.9 and port 3868 and chunk heartbeat", "not chunk heartbeat and not chunk sack"} {
		b.Run(text, func(b *testing.B) {
			f, err := Parse(text, testPorts)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				f.Match(frame)
			}
		})
	}
}
