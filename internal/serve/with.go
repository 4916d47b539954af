package serve

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/ports"
	"github.com/trunkline-sctp/trunkline/nic"
)

// With starts the dataplane of a configuration, calls use, and closes all that
// it opened. What is logged goes to log.
func With(f *config.File, log *slog.Logger, use func(*dataplane.Dataplane) error) error {
	return WithPorts(f, log, func(d *dataplane.Dataplane, _ []nic.Port) error { return use(d) })
}

// WithPorts is With for who also wants the ports, in the configuration's order.
func WithPorts(f *config.File, log *slog.Logger, use func(*dataplane.Dataplane, []nic.Port) error) (err error) {
	rig := ports.New(ports.Memory{Hugepages: f.Memory.Hugepages, Megabytes: f.Memory.Megabytes})
	closing := func(what string, c func() error) {
		if cerr := c(); cerr != nil {
			err = errors.Join(err, fmt.Errorf("closing %s: %w", what, cerr))
		}
	}
	defer func() { closing("ports", rig.Close) }()
	var specs []ports.Spec
	for _, p := range f.Ports {
		specs = append(specs, ports.Spec{Name: p.Name, Device: p.Device, MTU: p.MTU, Queues: p.Queues, Log: log})
	}
	opened, err := rig.OpenAll(specs)
	if err != nil {
		return err
	}
	d, err := dataplane.New(f.Dataplane(opened, log))
	if err != nil {
		return err
	}
	defer func() { closing("dataplane", d.Close) }()
	log.Info("memory", "kind", rig.Memory())
	for i, p := range opened {
		info := p.Info()
		log.Debug("port", "name", f.Ports[i].Name, "driver", info.Driver, "mtu", info.MTU, "link", p.Link().Up)
	}
	return use(d, opened)
}

// Logger is a logger as the configuration wants it; level can change it later.
func Logger(l config.Log, w io.Writer) (log *slog.Logger, level *slog.LevelVar) {
	level = &slog.LevelVar{}
	_ = level.UnmarshalText([]byte(l.Level)) // info if it is not known
	opt := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt)), level
	}
	return slog.New(slog.NewTextHandler(w, opt)), level
}

// FromFlags is the configuration of ports that were given one by one: device i
// with the comma-separated addresses i.
func FromFlags(devices, addrs []string, timers, hugepages string) (*config.File, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "memory: {hugepages: %q}\ntimers: {profile: %q}\nlog: {level: warn}\nports:\n", hugepages, timers)
	for i := range devices {
		fmt.Fprintf(&b, "- {name: p%d, device: %q, addresses: [", i, devices[i])
		for a := range strings.SplitSeq(addrs[i], ",") {
			fmt.Fprintf(&b, "%q,", a)
		}
		b.WriteString("]}\n")
	}
	f, err := config.Parse("flags", []byte(b.String()), config.Options{Device: ports.CheckDevice})
	var problems config.Problems
	if errors.As(err, &problems) {
		what := strings.NewReplacer("timers.profile", "--timers", "memory.hugepages", "--hugepages").Replace(problems[0].What)
		if strings.HasPrefix(what, "ports[") {
			what = "--device, --addr: " + what
		}
		return nil, fmt.Errorf("%s; %s", what, problems[0].Mend)
	}
	return f, err
}
