package ports

import "golang.org/x/sys/unix"

// CPUs are the processors that this process may run on, in rising order; nil if
// that cannot be learnt.
func CPUs() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return nil
	}
	var cpus []int
	for i := range 1024 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus
}
