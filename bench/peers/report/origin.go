package report

import (
	"os"
	"os/exec"
	"strings"
)

// CPUInfo is what the system says of its first CPU under a name of /proc/cpuinfo,
// such as "model name"; "unknown" if nothing.
func CPUInfo(field string) string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// Commit is the commit of the tree in the current folder, "-dirty" behind it if there
// are changes; "unknown" outside a repository. A long measurement asks before it
// begins: the tree may move on meanwhile.
func Commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
