package dpdk

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]string{
		"ring":                           "net_ring",
		"null":                           "net_null",
		" null ":                         "net_null",
		"01:00.0":                        "0000:01:00.0",
		"0000:01:00.0":                   "0000:01:00.0",
		"pci:0000:AB:1f.7,representor=0": "0000:ab:1f.7,representor=0",
		"af_packet:veth0":                "net_af_packet,iface=veth0",
		"af_xdp:eth0":                    "net_af_xdp,iface=eth0",
		"tap:tl0":                        "net_tap,iface=tl0",
		"vhost:/run/v.sock":              "net_vhost,iface=/run/v.sock",
		"virtio-user:/run/v.sock":        "net_virtio_user,path=/run/v.sock",
		"memif:role=server,socket=/run/m.sock,id=3":       "net_memif,role=server,socket=/run/m.sock,id=3,socket-abstract=no",
		"memif:role=client,socket=@x,socket-abstract=yes": "net_memif,role=client,socket=@x,socket-abstract=yes",
		"pcap:rx=a.pcap,tx=b.pcap":                        "net_pcap,rx_pcap=a.pcap,tx_pcap=b.pcap",
		"vdev:net_null3,size=64":                          "net_null3,size=64",
	} {
		spec, err := ParseDevice(in)
		require.NoError(t, err, in)
		require.Equal(t, PortSpec{Device: want}, spec, in)
		_, err = parseDevargs(spec.Device)
		require.NoError(t, err, in)
	}
}

func TestParseDeviceRefuses(t *testing.T) {
	for _, in := range []string{
		"", ":", "eth0", "ring:x", "af_packet:", "af_packet:a/b", "tap:sixteen-letters-", "vhost:", "vhost:/a,b",
		"virtio-user:" + strings.Repeat("x", 108), "memif:", "memif:role=master,socket=/x", "memif:role=server",
		"memif:role=server,,socket=/x", "pcap:", "pci:", "pci:1:2", "0000:01:00.8", "vdev:", "vdev:1,2", "vdev:a b", "dpdk:0",
	} {
		_, err := ParseDevice(in)
		require.ErrorContains(t, err, "want one of", in)
		require.ErrorContains(t, err, "af_packet:INTERFACE", in)
	}
}

func FuzzParseDevice(f *testing.F) {
	for _, s := range []string{"ring", "0:1.0", "memif:role=server,socket=/x", "pci:01:00.0,x", "vdev:net_null,=", "pcap:rx=,tx="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := ParseDevice(s)
		if err != nil {
			return
		}
		if d, err := parseDevargs(spec.Device); err == nil {
			require.NotEmpty(t, d.name)
			require.NotEmpty(t, d.devargs())
		}
	})
}

func TestArguments(t *testing.T) {
	join := func(o Options, huge bool) string { return strings.Join(o.arguments(huge, []int{0, 3}), " ") }
	require.Equal(t, "trunkline --no-telemetry --no-huge --no-shconf -m 512 --no-pci --lcores 0@(0,3) --log-level=*:error",
		join(Options{}, false))
	require.Equal(t, "trunkline --no-telemetry --in-memory --single-file-segments --no-pci --lcores 0@(0,3) --log-level=*:error",
		join(Options{}, true))
	require.Equal(t, "trunkline --no-telemetry --in-memory --single-file-segments -m 64 -a 0000:00:00.0 --lcores 0@(0,3) --log-level=*:debug",
		join(Options{MemoryMB: 64, PCI: true, LogLevel: "debug"}, true))
}

func TestOptionsRefused(t *testing.T) {
	for says, o := range map[string]Options{
		"want Auto, Off or Required": {HugePages: 9},
		"MemoryMB 1":                 {MemoryMB: 1},
		"MemoryMB -5":                {MemoryMB: -5},
		"no processor -1":            {MainCPUs: []int{-1}},
		"LogLevel":                   {LogLevel: "loud"},
	} {
		require.ErrorContains(t, o.check(), says)
	}
	require.NoError(t, (&Options{}).check())
	_, err := mainCPUs([]int{1023})
	require.ErrorContains(t, err, "processor 1023")
	_, err = ParseHugeMode("some")
	require.ErrorContains(t, err, "auto, off or required")
}

func TestHugePageDecision(t *testing.T) {
	require.Equal(t, 200, freeHugeMB("HugePages_Total: 200\nHugePages_Free:      100\nHugepagesize:       2048 kB\n"))
	require.Zero(t, freeHugeMB(""))
	for _, c := range []struct {
		o    Options
		free int
		want bool
	}{
		{Options{}, 0, false}, {Options{}, 64, true}, {Options{MemoryMB: 128}, 64, false},
		{Options{HugePages: Off}, 1000, false}, {Options{HugePages: Required}, 64, true},
	} {
		huge, err := c.o.decideHuge(c.free)
		require.NoError(t, err)
		require.Equal(t, c.want, huge, "%+v", c)
	}
	_, err := (&Options{HugePages: Required}).decideHuge(10)
	require.ErrorContains(t, err, "sysctl -w vm.nr_hugepages=32")
}

func TestInitOnce(t *testing.T) {
	again, err := Init(testEAL.opt)
	require.NoError(t, err)
	require.Same(t, testEAL, again)
	_, err = Init(Options{MemoryMB: 77})
	require.ErrorContains(t, err, "already started with other options")
	require.NotEmpty(t, Version())
	require.Contains(t, testEAL.Memory(), "pages")
}
