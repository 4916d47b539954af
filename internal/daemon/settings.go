package daemon

import (
	"fmt"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/sctpcore"
)

// setting is a key of the configuration and what a reload does about it.
type setting struct {
	key  string                    // in the file
	by   part                      // what applies it
	text func(*config.File) string // its value
}

// portSetting is a setting that each port has, by the name of the port.
type portSetting struct {
	key  string // behind "ports[i]."
	by   part
	text func(*config.Port) string
}

var portSettings = []portSetting{
	{"device", restart, func(p *config.Port) string { return p.Device }},
	{"addresses", network, func(p *config.Port) string { return fmt.Sprint(p.Addresses) }},
	{"vlan", restart, func(p *config.Port) string { return fmt.Sprint(p.VLAN) }},
	{"mtu", restart, func(p *config.Port) string { return fmt.Sprint(p.MTU) }},
	{"queues", restart, func(p *config.Port) string { return fmt.Sprint(p.Queues) }},
}

// settings are all keys but those of ports.
var settings = []setting{
	{"node", restart, func(f *config.File) string { return f.Node }},
	{"memory.hugepages", restart, func(f *config.File) string { return f.Memory.Hugepages }},
	{"memory.megabytes", restart, func(f *config.File) string { return fmt.Sprint(f.Memory.Megabytes) }},
	{"routes", network, routes},
	{"workers", restart, func(f *config.File) string { return fmt.Sprint(f.CPUs) }},
	{"idle", restart, func(f *config.File) string { return onOff(f.Busy, "busy", "adaptive") }},
	{"idle_sleep", restart, func(f *config.File) string { return f.IdleSleep.String() }},

	timer("rto_initial", func(t *sctpcore.Timers) sctpcore.Time { return t.RTOInitial }),
	timer("rto_min", func(t *sctpcore.Timers) sctpcore.Time { return t.RTOMin }),
	timer("rto_max", func(t *sctpcore.Timers) sctpcore.Time { return t.RTOMax }),
	count("max_burst", func(t *sctpcore.Timers) int { return t.MaxBurst }),
	count("association_max_retrans", func(t *sctpcore.Timers) int { return t.AssocMaxRetrans }),
	count("path_max_retrans", func(t *sctpcore.Timers) int { return t.PathMaxRetrans }),
	count("max_init_retrans", func(t *sctpcore.Timers) int { return t.MaxInitRetrans }),
	timer("heartbeat_interval", func(t *sctpcore.Timers) sctpcore.Time { return t.HBInterval }),
	timer("sack_delay", func(t *sctpcore.Timers) sctpcore.Time { return t.SACKDelay }),
	timer("cookie_life", func(t *sctpcore.Timers) sctpcore.Time { return t.ValidCookieLife }),
	timer("shutdown_guard", func(t *sctpcore.Timers) sctpcore.Time { return t.ShutdownGuard }),
	count("pf_max_retrans", func(t *sctpcore.Timers) int { return t.PFMaxRetrans }),
	count("primary_switchover", func(t *sctpcore.Timers) int { return t.PrimarySwitchover }),

	limit("associations", defaults, func(l *sctpcore.Limits) int { return l.Associations }),
	limit("paths_per_association", defaults, func(l *sctpcore.Limits) int { return l.PathsPerAssoc }),
	limit("in_streams", defaults, func(l *sctpcore.Limits) int { return l.InStreams }),
	limit("out_streams", defaults, func(l *sctpcore.Limits) int { return l.OutStreams }),
	size("receive_buffer", defaults, func(l *sctpcore.Limits) int { return l.ReceiveBuffer }),
	size("send_buffer", restart, func(l *sctpcore.Limits) int { return l.SendBuffer }), // for messages that are queued
	size("max_message", restart, func(l *sctpcore.Limits) int { return l.MaxMessage }), // the same
	size("store_memory", defaults, func(l *sctpcore.Limits) int { return l.StoreMemory }),
	limit("answers_per_second", defaults, func(l *sctpcore.Limits) int { return l.AnswersPerSecond }),

	{"service.kind", service, func(f *config.File) string { return f.Service.Kind }},
	{"service.port", service, func(f *config.File) string { return fmt.Sprint(f.Service.Port) }},
	{"service.length", service, func(f *config.File) string { return config.FormatSize(f.Service.Length) }},
	{"service.streams", service, func(f *config.File) string { return fmt.Sprint(f.Service.Streams) }},

	{"sockets.path", restart, func(f *config.File) string { return f.Sockets.Path }},
	{"sockets.mode", programs, func(f *config.File) string { return fmt.Sprintf("%04o", f.Sockets.Mode) }},
	{"sockets.owner", programs, func(f *config.File) string { return id(f.Sockets.Owner) }},
	{"sockets.group", programs, func(f *config.File) string { return id(f.Sockets.Group) }},
	{"sockets.dynamic_addresses", programs, func(f *config.File) string { return onOff(f.Sockets.FixedAddresses, "off", "on") }},
	{"sockets.limits.clients", programs, func(f *config.File) string { return fmt.Sprint(f.Sockets.Clients) }},
	{"sockets.limits.sockets", programs, func(f *config.File) string { return fmt.Sprint(f.Sockets.Sockets) }},
	{"sockets.limits.associations", programs, func(f *config.File) string { return fmt.Sprint(f.Sockets.Associations) }},
	{"sockets.limits.buffered", programs, func(f *config.File) string { return config.FormatSize(f.Sockets.Buffered) }},
	{"sockets.limits.lanes", programs, func(f *config.File) string { return fmt.Sprint(f.Sockets.Lanes) }},

	{"control", restart, func(f *config.File) string { return onOff(f.Control.Off, "off", "on") }},
	{"control.path", restart, func(f *config.File) string { return f.Control.Path }},
	{"control.mode", access, func(f *config.File) string { return fmt.Sprintf("%04o", f.Control.Mode) }},
	{"control.owner", access, func(f *config.File) string { return id(f.Control.Owner) }},
	{"control.group", access, func(f *config.File) string { return id(f.Control.Group) }},
	{"http.listen", web, listen},
	{"http.token_file", web, func(f *config.File) string { return f.HTTP.TokenFile }},
	{"metrics.associations", lookedUp, func(f *config.File) string { return fmt.Sprint(f.Metrics.Associations) }},

	{"log.level", logging, func(f *config.File) string { return f.Log.Level }},
	{"log.format", restart, func(f *config.File) string { return f.Log.Format }},
	{"drain", lookedUp, func(f *config.File) string { return f.Drain.String() }},
}

func timer(key string, of func(*sctpcore.Timers) sctpcore.Time) setting {
	return setting{"timers." + key, defaults, func(f *config.File) string { return time.Duration(of(&f.Timers)).String() }}
}

func count(key string, of func(*sctpcore.Timers) int) setting {
	return setting{"timers." + key, defaults, func(f *config.File) string {
		if n := of(&f.Timers); n >= 0 {
			return fmt.Sprint(n)
		}
		return "off"
	}}
}

func limit(key string, by part, of func(*sctpcore.Limits) int) setting {
	return setting{"limits." + key, by, func(f *config.File) string { return fmt.Sprint(of(&f.Limits)) }}
}

func size(key string, by part, of func(*sctpcore.Limits) int) setting {
	return setting{"limits." + key, by, func(f *config.File) string { return config.FormatSize(of(&f.Limits)) }}
}

func routes(f *config.File) string {
	var b strings.Builder
	for _, r := range f.Routes {
		fmt.Fprintf(&b, "%s via %s port %s metric %d, ", r.To, r.Via, r.Port, r.Metric)
	}
	return "[" + strings.TrimSuffix(b.String(), ", ") + "]"
}

func listen(f *config.File) string {
	if !f.HTTP.Listen.IsValid() {
		return ""
	}
	return f.HTTP.Listen.String()
}

func id(n *int) string {
	if n == nil {
		return "its own"
	}
	return fmt.Sprint(*n)
}

func onOff(yes bool, on, off string) string {
	if yes {
		return on
	}
	return off
}
