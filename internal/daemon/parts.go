package daemon

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/serve"
)

// apply has each part take a configuration; after an error the part is as before.
var apply = [manyParts]func(*daemon, *config.File) error{
	network: func(d *daemon, f *config.File) error {
		addrs := map[string][]netip.Prefix{}
		for _, p := range f.Ports {
			addrs[p.Name] = p.Addresses
		}
		return d.dp.SetNetwork(addrs, f.StaticRoutes())
	},
	defaults: func(d *daemon, f *config.File) error { return d.dp.SetDefaults(f.Timers, f.Limits) },
	service:  func(d *daemon, f *config.File) error { return d.service.Change(f.Service) },
	programs: func(d *daemon, f *config.File) error {
		if d.sockets == nil {
			return nil
		}
		return d.sockets.Change(serve.SocketsConfig(f, d.log))
	},
	access: func(d *daemon, f *config.File) error {
		if d.control == nil {
			return nil
		}
		w := *d.control
		w.Mode, w.Owner, w.Group = f.Control.Mode, f.Control.Owner, f.Control.Group
		if err := w.Admit(); err != nil {
			_ = d.control.Admit()
			return fmt.Errorf("control: %w", err)
		}
		d.control = &w
		return nil
	},
	web: func(d *daemon, f *config.File) error {
		was := d.admin.Addr()
		err := d.admin.SetHTTP(f.HTTP.Listen, f.HTTP.Token)
		if d.admin.Addr() != was {
			d.sayPage()
		}
		return err
	},
	logging:  func(d *daemon, f *config.File) error { return d.level.UnmarshalText([]byte(f.Log.Level)) },
	lookedUp: func(*daemon, *config.File) error { return nil },
}

// partsOf are those that changes need, in order.
func partsOf(changes []change) (parts []part) {
	var need [manyParts]bool
	for _, c := range changes {
		need[c.by] = true
	}
	need[programs] = need[programs] || need[defaults] // sockets begin with them too
	for p, yes := range need {
		if yes {
			parts = append(parts, part(p))
		}
	}
	return parts
}

// applyAll has parts take a configuration one after the other; if one cannot, those before go
// back to the old one, and the error says which could not do even that.
func applyAll(parts []part, take func(part, *config.File) error, old, next *config.File) error {
	for i, p := range parts {
		err := take(p, next)
		if err == nil {
			continue
		}
		for ; i > 0; i-- {
			if back := take(parts[i-1], old); back != nil {
				err = errors.Join(err, fmt.Errorf("and what had changed before could not be taken back; restart: %w", back))
			}
		}
		return err
	}
	return nil
}
