package dpdk

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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
		"af_packet:10.0.1.0/24":          "net_af_packet,iface=10.0.1.0/24",
		"af_packet:fd00:1::/64":          "net_af_packet,iface=fd00:1::/64",
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
		"", ":", "eth0", "ring:x", "af_packet:", "af_packet:a/b", "af_packet:10.0.0.1/33", "af_xdp:10.0.0.0/8", "tap:sixteen-letters-", "vhost:", "vhost:/a,b",
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

func TestHugeSizes(t *testing.T) {
	dir := t.TempDir()
	for name, pages := range map[string][2]string{"hugepages-2048kB": {"100\n", "40\n"}, "hugepages-1048576kB": {"2\n", "0\n"}, "hugepages-64kB": {"7\n", "7\n"}} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "free_hugepages"), []byte(pages[0]), 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "resv_hugepages"), []byte(pages[1]), 0o644))
	}
	require.Equal(t, []hugeSize{{1 << 20, 2}, {2048, 60}}, hugeSizes(dir))
	require.Empty(t, hugeSizes(dir+"/none"))
}

func TestHugePageChoice(t *testing.T) {
	small, large := hugeSize{2048, 100}, hugeSize{1 << 20, 2}
	for _, c := range []struct {
		name  string
		o     Options
		sizes []hugeSize
		tried []int // pages, by size
		use   bool
		why   string
	}{
		{"none", Options{}, nil, nil, false, "0 MiB are free"},
		{"enough", Options{}, []hugeSize{small}, []int{32}, true, "auto; 200 MiB were free"},
		{"too few", Options{MemoryMB: 202}, []hugeSize{small}, nil, false, "200 MiB are free"},
		{"off", Options{HugePages: Off}, []hugeSize{small}, nil, false, "as asked"},
		{"another size than the default", Options{MemoryMB: 512}, []hugeSize{large}, []int{1}, true, "auto; 2048 MiB were free"},
		{"the smaller ones do", Options{MemoryMB: 200}, []hugeSize{large, small}, []int{100}, true, "auto; 2248 MiB were free"},
		{"the smaller ones do not", Options{MemoryMB: 201}, []hugeSize{large, small}, []int{1}, true, "auto; 2248 MiB were free"},
		{"both", Options{MemoryMB: 1100}, []hugeSize{large, small}, []int{1, 38}, true, "auto; 2248 MiB were free"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tried []int
			got, err := c.o.chooseHuge(c.sizes, func(_ hugeSize, n int) error { tried = append(tried, n); return nil })
			require.NoError(t, err)
			require.Equal(t, hugeChoice{c.use, c.why}, got)
			require.Equal(t, c.tried, tried)
		})
	}
	refuse := func(hugeSize, int) error { return unix.ENOMEM }
	o := Options{MemoryMB: 128}
	got, err := o.chooseHuge([]hugeSize{small}, refuse)
	require.NoError(t, err)
	require.Equal(t, "128 MiB of normal pages, no hugepages (the kernel refuses 64 of 100 free pages of 2048 kB (cannot allocate memory))", o.memoryText(got))
	required := Options{HugePages: Required}
	_, err = required.chooseHuge([]hugeSize{small}, refuse)
	require.ErrorContains(t, err, "raise the limit of the cgroup")
	_, err = required.chooseHuge(nil, refuse)
	require.ErrorContains(t, err, "64 MiB of hugepages are needed and 0 MiB are free; reserve some (echo 32 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages)")
}

func TestHugePagesThatAreNotThere(t *testing.T) {
	require.ErrorIs(t, hugeSize{kB: 2048}.try(1<<20), unix.ENOMEM)
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

// TestSIGPIPE: DPDK's interrupt thread, which writes to virtio-user's peers, must not end
// the process when one is gone: Go lets SIGPIPE do that in a thread that is not its own.
func TestSIGPIPE(t *testing.T) {
	names, err := filepath.Glob("/proc/self/task/*/comm")
	require.NoError(t, err)
	for _, name := range names {
		if comm, err := os.ReadFile(name); err != nil || strings.TrimSpace(string(comm)) != "eal-intr-thread" {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		require.NoError(t, err)
		_, mask, found := strings.Cut(string(status), "SigBlk:\t")
		require.True(t, found)
		blocked, err := strconv.ParseUint(mask[:16], 16, 64)
		require.NoError(t, err)
		require.NotZero(t, blocked&(1<<(unix.SIGPIPE-1)))
		return
	}
	t.Error("there is no interrupt thread")
}
