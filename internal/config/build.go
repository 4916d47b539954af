package config

import (
	"log/slog"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/nic"
)

// Dataplane is the file as dataplane.New wants it; ports are the opened ports
// in the order of f.Ports. The ports stay the caller's to close.
func (f *File) Dataplane(ports []nic.Port, log *slog.Logger) dataplane.Config {
	c := dataplane.Config{CPUs: f.CPUs, Timers: f.Timers, Limits: f.Limits, IdleSleep: f.IdleSleep, Logger: log}
	c.Loopback = f.Sockets.Path != ""
	if f.Busy {
		c.Idle = dataplane.IdleBusy
	}
	for i, p := range f.Ports {
		c.Ports = append(c.Ports, dataplane.PortConfig{
			Port: ports[i], Addrs: p.Addresses, VLAN: uint16(p.VLAN), MTU: p.MTU,
		})
	}
	c.Routes = f.StaticRoutes()
	return c
}

// StaticRoutes are those of the file as the dataplane wants them.
func (f *File) StaticRoutes() (all []dataplane.RouteConfig) {
	for _, r := range f.Routes {
		all = append(all, dataplane.RouteConfig{Dst: r.To, Via: r.Via, Port: r.Port, Metric: r.Metric})
	}
	return all
}
