package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/capture"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/metrics"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/page"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
)

// startAdmin lets the daemon be looked at. An error ends Run.
func (d *daemon) startAdmin() (err error) {
	f := d.file
	d.observer, err = observe.New(d.dp, observe.Options{Node: f.Node, Version: version(), Logger: d.log})
	if err != nil {
		return err
	}
	opt := admin.Options{
		Observer: d.observer,
		Metrics:  metrics.Handler(metrics.Of(d.observer, func() int { return d.File().Metrics.Associations })),
		Page:     page.Handler(),
		Capture:  capture.Handler(d.dp),
		Reload:   d.Reload,
		Logger:   d.log,
		HTTP:     f.HTTP.Listen,
		Token:    f.HTTP.Token,
	}
	if opt.Control, err = d.wantedControl(); err != nil {
		return err
	}
	d.admin, err = admin.Listen(opt)
	if errors.Is(err, admin.ErrControl) && f.Control.Path == "" {
		d.log.Warn("no control socket; give each daemon a control.path of its own", "error", err)
		opt.Control = nil
		d.admin, err = admin.Listen(opt)
	}
	if err != nil {
		return err
	}
	if d.control = opt.Control; d.control != nil {
		d.log.Info("control", "path", opt.Control.Path)
	}
	d.sayPage()
	return nil
}

func (d *daemon) sayPage() {
	if a := d.admin.Addr(); a != nil {
		fmt.Fprintf(d.opt.Out, "page on http://%s/\n", a)
	}
}

// wantedControl is where the control socket is to be, in a folder that is made if need be; nil
// if it is off, or no place is known.
func (d *daemon) wantedControl() (*unixsock.Where, error) {
	c := &d.file.Control
	if c.Off {
		return nil, nil
	}
	path := c.Path
	if path == "" {
		if path = admin.ServePath(); path == "" {
			d.log.Warn("no control socket: none of its folders can be written to; give control.path", "folders", admin.DefaultPaths())
			return nil, nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	return &unixsock.Where{Path: path, Mode: c.Mode, Owner: c.Owner, Group: c.Group}, nil
}

// version is this build's.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// stopAdmin ends it, after associations were drained, so that one can see that.
func (d *daemon) stopAdmin() {
	if d.admin != nil {
		_ = d.admin.Close()
	}
	if d.observer != nil {
		d.observer.Close()
	}
}

// File is the configuration in force; it is not to be changed.
func (d *daemon) File() *config.File {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.file
}
