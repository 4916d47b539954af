package dpdk

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// HugeMode says whether DPDK's memory comes from hugepages.
type HugeMode uint8

const (
	Auto     HugeMode = iota // hugepages if the kernel gives enough, else none
	Off                      // none: slower, needs no preparation of the machine
	Required                 // hugepages or an error
)

func (m HugeMode) String() string {
	if int(m) < len(hugeModes) {
		return hugeModes[m]
	}
	return fmt.Sprintf("HugeMode(%d)", uint8(m))
}

var hugeModes = [...]string{Auto: "auto", Off: "off", Required: "required"}

// ParseHugeMode is the HugeMode called s: auto, off or required.
func ParseHugeMode(s string) (HugeMode, error) {
	if i := slices.Index(hugeModes[:], s); i >= 0 {
		return HugeMode(i), nil
	}
	return 0, fmt.Errorf("dpdk: hugepages %q: want auto, off or required", s)
}

// Bounds and defaults of Options.
const (
	defaultMemoryMB = 512 // some twenty ports of 8192 buffers, reserved but not touched
	minHugeMB       = 64  // the least that is tried for in hugepages
	minMemoryMB     = 32  // DPDK itself wants about 16
	maxMemoryMB     = 1 << 20
)

// Options are what Init starts DPDK with. The zero value will do.
type Options struct {
	HugePages HugeMode
	// MemoryMB is in MiB. Without hugepages it is how much memory DPDK may use;
	// 0 is 512. With hugepages it is how much DPDK takes at start: ports that need
	// more take more, as long as pages are free.
	MemoryMB int
	// MainCPUs are the processors of DPDK's own threads (interrupts, alarms),
	// not of those that poll. Empty is every processor the process may use.
	MainCPUs []int
	// PCI lets PCI devices be opened. They are probed when opened, never
	// wholesale at start.
	PCI bool
	// LogLevel is what DPDK prints on standard error: "" nothing (errors then
	// come with what it would have said), or one of emergency, alert, critical,
	// error, warning, notice, info, debug.
	LogLevel string
}

var logLevels = []string{"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"}

func (o *Options) check() error {
	var errs []error
	if o.HugePages > Required {
		errs = append(errs, fmt.Errorf("HugePages %d: want Auto, Off or Required", o.HugePages))
	}
	if o.MemoryMB != 0 && (o.MemoryMB < minMemoryMB || o.MemoryMB > maxMemoryMB) {
		errs = append(errs, fmt.Errorf("MemoryMB %d: want %d to %d, or 0 for the default", o.MemoryMB, minMemoryMB, maxMemoryMB))
	}
	for _, c := range o.MainCPUs {
		if c < 0 || c >= 1024 {
			errs = append(errs, fmt.Errorf("MainCPUs: there is no processor %d", c))
		}
	}
	if o.LogLevel != "" && !slices.Contains(logLevels, o.LogLevel) {
		errs = append(errs, fmt.Errorf("LogLevel %q: want one of %s", o.LogLevel, strings.Join(logLevels, ", ")))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("dpdk: options: %w", err)
	}
	return nil
}

func (o *Options) equal(p *Options) bool {
	return o.HugePages == p.HugePages && o.MemoryMB == p.MemoryMB && o.PCI == p.PCI &&
		o.LogLevel == p.LogLevel && slices.Equal(o.MainCPUs, p.MainCPUs)
}

// arguments are those of rte_eal_init; huge is the decision taken.
func (o *Options) arguments(huge bool, cpus []int) []string {
	args := []string{"trunkline", "--no-telemetry"}
	if huge {
		// One file descriptor for all memory is what vhost can pass on; no files
		// stay behind in the hugetlbfs.
		args = append(args, "--in-memory", "--single-file-segments")
		if o.MemoryMB != 0 {
			args = append(args, "-m", strconv.Itoa(o.MemoryMB))
		}
	} else {
		args = append(args, "--no-huge", "--no-shconf", "-m", strconv.Itoa(o.normalMB()))
	}
	if o.PCI {
		// A list of allowed devices with none that has a driver: DPDK takes no
		// device at start, and those that are opened are added to the list.
		args = append(args, "-a", "0000:00:00.0")
	} else {
		args = append(args, "--no-pci")
	}
	args = append(args, "--lcores", "0@("+joinInts(cpus)+")")
	level := o.LogLevel
	if level == "" {
		level = "error"
	}
	return append(args, "--log-level=*:"+level)
}

func joinInts(v []int) string {
	s := make([]string, len(v))
	for i, n := range v {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}
