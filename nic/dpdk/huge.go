package dpdk

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// hugeDir has a directory for each size of hugepages that the kernel knows.
const hugeDir = "/sys/kernel/mm/hugepages"

// hugeSize is one size of hugepages.
type hugeSize struct {
	kB   int
	free int // pages that no process has or has reserved
}

// hugeSizes are the sizes of which pages are free, the largest first.
func hugeSizes(dir string) []hugeSize {
	entries, _ := os.ReadDir(dir)
	var sizes []hugeSize
	for _, e := range entries {
		number := func(file string) int {
			b, _ := os.ReadFile(filepath.Join(dir, e.Name(), file))
			n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
			return n
		}
		kB, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(e.Name(), "hugepages-"), "kB"))
		if free := number("free_hugepages") - number("resv_hugepages"); kB > 0 && free > 0 {
			sizes = append(sizes, hugeSize{kB, free})
		}
	}
	slices.SortFunc(sizes, func(a, b hugeSize) int { return b.kB - a.kB })
	return sizes
}

// try has the kernel give this process n pages, and gives them back. That pages
// are free does not mean that it will: a cgroup may have a limit, and the nodes
// that the process may use may have none.
func (s hugeSize) try(n int) error {
	log2 := bits.Len(uint(s.kB)<<10) - 1
	b, err := unix.Mmap(-1, 0, n*s.kB<<10, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB|log2<<unix.MAP_HUGE_SHIFT)
	if err != nil {
		return err
	}
	defer unix.Munmap(b)
	switch err := unix.Madvise(b, unix.MADV_POPULATE_WRITE); err {
	case unix.EINVAL: // before Linux 5.14 a try would end in SIGBUS
		return nil
	case unix.EFAULT: // the touch that would end in SIGBUS
		return unix.ENOMEM
	default:
		return err
	}
}

// hugeChoice is whether DPDK's memory comes from hugepages, and why.
type hugeChoice struct {
	use bool
	why string
}

// chooseHuge takes pages as DPDK would, by try: of each size, the largest first,
// what fits into the need, and one more where the smaller ones do not do. It
// fails if hugepages are Required and not to be had.
func (o *Options) chooseHuge(sizes []hugeSize, try func(hugeSize, int) error) (hugeChoice, error) {
	if o.HugePages == Off {
		return hugeChoice{why: "as asked"}, nil
	}
	need, free := max(o.MemoryMB, minHugeMB), 0
	for _, s := range sizes {
		free += s.free * s.kB
	}
	no := func(why, mend string) (hugeChoice, error) {
		if o.HugePages == Required {
			return hugeChoice{}, fmt.Errorf("dpdk: %d MiB of hugepages are needed and %s; %s, or choose hugepages auto or off", need, why, mend)
		}
		return hugeChoice{why: why}, nil
	}
	if free < need<<10 {
		return no(fmt.Sprintf("%d MiB are free", free>>10),
			fmt.Sprintf("reserve some (echo %d > %s/hugepages-2048kB/nr_hugepages)", (need+1)/2, hugeDir))
	}
	left, smaller := need<<10, free
	for _, s := range sizes {
		smaller -= s.free * s.kB
		n := min(s.free, left/s.kB)
		if n < s.free && left-n*s.kB > smaller {
			n++
		}
		if n == 0 {
			continue
		}
		if err := try(s, n); err != nil {
			return no(fmt.Sprintf("the kernel refuses %d of %d free pages of %d kB (%v)", n, s.free, s.kB, err),
				"raise the limit of the cgroup (hugetlb.*.max), or reserve pages on a node that this process may use")
		}
		left = max(0, left-n*s.kB)
	}
	return hugeChoice{true, fmt.Sprintf("%s; %d MiB were free", o.HugePages, free>>10)}, nil
}

// memoryText says in words what memory DPDK uses, and why.
func (o *Options) memoryText(c hugeChoice) string {
	if c.use {
		return fmt.Sprintf("hugepages (%s)", c.why)
	}
	return fmt.Sprintf("%d MiB of normal pages, no hugepages (%s)", o.normalMB(), c.why)
}

// normalMB is how much memory there is without hugepages.
func (o *Options) normalMB() int {
	if o.MemoryMB == 0 {
		return defaultMemoryMB
	}
	return o.MemoryMB
}
