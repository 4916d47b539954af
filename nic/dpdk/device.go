package dpdk

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// kind is what we know of a class of device.
type kind struct {
	name    string   // as in ParseDevice
	drivers []string // names of the virtual device, the current one first
	plugin  string   // the shared object that DPDK loads for it
	iface   string   // the argument that names a kernel interface
	pushed  bool     // its link state comes from netlink, not from the PMD
	// countsFailed: its oerrors are packets taken and lost, not packets refused.
	countsFailed bool
	socket       int // family of the socket that the PMD has for each queue, 0 for none
	// interrupts: its rx queues may have interrupts. Not virtio-user: with them
	// DPDK 22.11 crashes now and then when the device goes.
	interrupts bool
}

var (
	kindPCI      = &kind{name: "pci", countsFailed: true, interrupts: true}
	kindRing     = &kind{name: "ring", drivers: []string{"net_ring"}, plugin: "net_ring"}
	kindMemif    = &kind{name: "memif", drivers: []string{"net_memif"}, plugin: "net_memif"}
	kindAFPacket = &kind{name: "af_packet", drivers: []string{"net_af_packet", "eth_af_packet"}, plugin: "net_af_packet", iface: "iface", pushed: true, countsFailed: true, socket: unix.AF_PACKET}
	kindAFXDP    = &kind{name: "af_xdp", drivers: []string{"net_af_xdp"}, plugin: "net_af_xdp", iface: "iface", pushed: true, countsFailed: true, socket: unix.AF_XDP}
	kindTap      = &kind{name: "tap", drivers: []string{"net_tap"}, plugin: "net_tap", countsFailed: true, interrupts: true}
	kindVirtio   = &kind{name: "virtio-user", drivers: []string{"net_virtio_user", "virtio_user"}, plugin: "net_virtio"}
	kindVhost    = &kind{name: "vhost", drivers: []string{"net_vhost", "eth_vhost"}, plugin: "net_vhost", interrupts: true}
	kindPcap     = &kind{name: "pcap", drivers: []string{"net_pcap", "eth_pcap"}, plugin: "net_pcap", iface: "iface", pushed: true, countsFailed: true}
	kindNull     = &kind{name: "null", drivers: []string{"net_null", "eth_null"}, plugin: "net_null"}
	kindOther    = &kind{name: "vdev", interrupts: true}

	virtualKinds = []*kind{kindRing, kindMemif, kindAFPacket, kindAFXDP, kindTap, kindVirtio, kindVhost, kindPcap, kindNull}
)

// deviceForms is what ParseDevice understands, for its errors.
const deviceForms = `one of
  ring                                     (both ends: EAL.OpenRingPair)
  memif:role=server|client,socket=PATH[,id=N]
  vhost:PATH   virtio-user:PATH            (sockets)
  af_packet:INTERFACE   af_xdp:INTERFACE   tap:INTERFACE
  af_packet:SUBNET                         (the interface with an address in it)
  pcap:rx=FILE,tx=FILE                     null
  pci:0000:01:00.0[,ARGS] or 0000:01:00.0  (a PCI address, see lspci -D)
  vdev:NAME[,ARGS]                         (as DPDK's --vdev)`

var (
	pciAddress = regexp.MustCompile(`^([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]$`)
	ifaceName  = regexp.MustCompile(`^[^\s/:,=]{1,15}$`)
	vdevName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,62}$`)
)

// ParseDevice turns what a user writes into a PortSpec with its Device set;
// the error of anything else lists the forms there are. Nothing is looked at
// but s.
func ParseDevice(s string) (PortSpec, error) {
	dev, err := deviceArgs(strings.TrimSpace(s))
	if err != nil {
		return PortSpec{}, fmt.Errorf("dpdk: device %q: %w; want %s", s, err, deviceForms)
	}
	return PortSpec{Device: dev}, nil
}

func deviceArgs(s string) (string, error) {
	if head, _, _ := strings.Cut(s, ","); pciAddress.MatchString(head) {
		return fullPCI(s), nil
	}
	form, rest, _ := strings.Cut(s, ":")
	switch form {
	case "ring", "null":
		if rest != "" {
			return "", fmt.Errorf("%s takes nothing after it", form)
		}
		return "net_" + form, nil
	case "memif":
		return memifArgs(rest)
	case "pcap":
		return pcapArgs(rest)
	case "af_packet", "af_xdp", "tap":
		if _, err := netip.ParsePrefix(rest); (err != nil || form != "af_packet") && !ifaceName.MatchString(rest) {
			return "", fmt.Errorf("%q is no name of an interface", rest)
		}
		return "net_" + form + ",iface=" + rest, nil
	case "virtio-user", "vhost":
		if err := checkPath(rest); err != nil {
			return "", err
		}
		if form == "vhost" {
			return "net_vhost,iface=" + rest, nil
		}
		return "net_virtio_user,path=" + rest, nil
	case "pci":
		if head, _, _ := strings.Cut(rest, ","); !pciAddress.MatchString(head) {
			return "", fmt.Errorf("%q is no PCI address", head)
		}
		return fullPCI(rest), nil
	case "vdev":
		if head, _, _ := strings.Cut(rest, ","); !vdevName.MatchString(head) {
			return "", fmt.Errorf("%q is no name of a device", head)
		}
		return rest, nil
	case "":
		return "", errors.New("it is empty")
	}
	return "", fmt.Errorf("%q is no kind of device", form)
}

// fullPCI adds the domain that a short PCI address leaves out.
func fullPCI(s string) string {
	s = strings.ToLower(s)
	if strings.Count(s[:strings.IndexByte(s, '.')], ":") == 1 {
		s = "0000:" + s
	}
	return s
}

func checkPath(p string) error {
	// sun_path is 108 bytes with its final zero.
	if p == "" || len(p) > 107 || strings.ContainsAny(p, ",= \t\n") {
		return fmt.Errorf("%q is no usable socket path (1 to 107 bytes, without comma, equals sign and space)", p)
	}
	return nil
}

func memifArgs(s string) (string, error) {
	args, err := parseArgs(s)
	if err != nil {
		return "", err
	}
	role := args.get("role")
	if role != "server" && role != "client" {
		return "", fmt.Errorf("memif role %q: want role=server or role=client", role)
	}
	if err := checkPath(args.get("socket")); err != nil {
		return "", fmt.Errorf("memif needs socket=PATH: %w", err)
	}
	// DPDK's default is an abstract socket, whose name no path shows.
	if args.get("socket-abstract") == "" {
		args.set("socket-abstract", "no")
	}
	return "net_memif," + args.String(), nil
}

func pcapArgs(s string) (string, error) {
	args, err := parseArgs(s)
	if err != nil {
		return "", err
	}
	if args.get("rx") == "" && args.get("tx") == "" {
		return "", errors.New("pcap needs rx=FILE, tx=FILE or both")
	}
	for i := range args {
		switch args[i].key {
		case "rx", "tx":
			args[i].key += "_pcap"
		}
	}
	return "net_pcap," + args.String(), nil
}

// arg is one key=value of a device; a key alone has no value.
type arg struct{ key, value string }

// devArgs are a device's arguments in their order.
type devArgs []arg

func parseArgs(s string) (devArgs, error) {
	var a devArgs
	if s == "" {
		return nil, nil
	}
	for _, f := range strings.Split(s, ",") {
		k, v, _ := strings.Cut(f, "=")
		if k == "" {
			return nil, fmt.Errorf("empty argument in %q", s)
		}
		a = append(a, arg{k, v})
	}
	return a, nil
}

func (a devArgs) get(key string) string {
	if i := slices.IndexFunc(a, func(x arg) bool { return x.key == key }); i >= 0 {
		return a[i].value
	}
	return ""
}

func (a *devArgs) set(key, value string) { *a = append(*a, arg{key, value}) }

// put is set in the place of what is there.
func (a *devArgs) put(key, value string) {
	*a = slices.DeleteFunc(slices.Clone(*a), func(x arg) bool { return x.key == key })
	a.set(key, value)
}

// setDefault sets what the user did not.
func (a *devArgs) setDefault(key, value string) {
	if !slices.ContainsFunc(*a, func(x arg) bool { return x.key == key }) {
		a.set(key, value)
	}
}

func (a devArgs) String() string {
	s := make([]string, len(a))
	for i, x := range a {
		s[i] = x.key
		if x.value != "" {
			s[i] += "=" + x.value
		}
	}
	return strings.Join(s, ",")
}

// device is a PortSpec.Device taken apart.
type device struct {
	kind *kind
	name string // of the DPDK device
	args devArgs
	// subnet has an address of the device's interface, where it is not named.
	subnet netip.Prefix
}

// parseDevargs takes a PortSpec.Device apart. A virtual device that is named by
// its driver alone gets its name later.
func parseDevargs(s string) (*device, error) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(s, "vdev:"), ",")
	args, err := parseArgs(rest)
	if err != nil {
		return nil, fmt.Errorf("dpdk: device %q: %w", s, err)
	}
	d := &device{kind: kindOther, name: name, args: args}
	switch {
	case pciAddress.MatchString(name):
		d.kind, d.name = kindPCI, fullPCI(name)
	case !vdevName.MatchString(name):
		return nil, fmt.Errorf("dpdk: device %q: want a PCI address or a DPDK virtual device such as net_memif0,role=server (ParseDevice knows simpler forms)", s)
	default:
		d.kind = kindOf(name)
	}
	if d.kind == kindAFPacket {
		d.subnet, _ = netip.ParsePrefix(d.netIface()) // else it is a name
	}
	return d, nil
}

func kindOf(name string) *kind {
	for _, k := range virtualKinds {
		for _, drv := range k.drivers {
			if strings.HasPrefix(name, drv) {
				return k
			}
		}
	}
	return kindOther
}

// unnamed is whether the name is a driver's, with no number to it.
func (d *device) unnamed() bool { return slices.Contains(d.kind.drivers, d.name) }

// netIface is the kernel interface that the device sits on, "" if none.
func (d *device) netIface() string {
	if d.kind.iface == "" {
		return ""
	}
	return d.args.get(d.kind.iface)
}

// devargs is what DPDK is given.
func (d *device) devargs() string {
	s := d.name
	if d.kind != kindPCI {
		s = "vdev:" + s
	}
	if len(d.args) > 0 {
		s += "," + d.args.String()
	}
	return s
}

func isMemifServer(d *device) bool {
	// The older names of the roles are still understood by DPDK.
	role := d.args.get("role")
	return d.kind == kindMemif && (role == "server" || role == "master")
}
