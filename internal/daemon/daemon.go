package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/serve"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// Options are what Run stands on.
type Options struct {
	// Load reads the configuration: at the start, and for every reload.
	Load func() (*config.File, error)
	// Signals are SIGHUP, which reloads, SIGTERM and SIGINT, which end Run, the second
	// of these two at once.
	Signals  <-chan os.Signal
	Out, Log io.Writer
}

// daemon is a running one.
type daemon struct {
	opt Options
	log *slog.Logger
	dp  *dataplane.Dataplane

	mu       sync.Mutex // held while the configuration changes, and from the end on
	file     *config.File
	sockets  *sockets.Server // nil: not served
	service  *serve.Service  // nil: none
	stopping bool
}

// Run runs what the configuration asks for until a signal ends it or ctx is done, which is
// the same. It is nil when everything ended in order.
func Run(ctx context.Context, opt Options) error {
	f, err := opt.Load()
	if err != nil {
		return err
	}
	if f.Service.Kind == "" && f.Sockets.Path == "" {
		return fmt.Errorf("%s: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)", f.Path)
	}
	log := serve.Logger(f.Log, opt.Log)
	return serve.With(f, log, func(dp *dataplane.Dataplane) error {
		d := &daemon{opt: opt, log: log, dp: dp, file: f}
		defer d.close()
		if err := d.start(); err != nil {
			return err
		}
		d.live(ctx)
		return nil
	})
}

// start begins to serve.
func (d *daemon) start() (err error) {
	f := d.file
	if f.Sockets.Path != "" {
		if d.sockets, err = serve.Sockets(d.dp, f, d.log); err != nil {
			return err
		}
		fmt.Fprintf(d.opt.Out, "sockets on %s\n", f.Sockets.Path)
	}
	if err = d.startAdmin(); err != nil {
		return err
	}
	if f.Service.Kind != "" {
		if d.service, err = serve.Start(d.dp, f.Service); err != nil {
			return err
		}
		fmt.Fprintf(d.opt.Out, "%s on %s\n", f.Service.Kind, d.service.Addr())
	}
	return nil
}

// live waits for signals until one ends it.
func (d *daemon) live(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			d.drain("the caller is done")
			return
		case s := <-d.opt.Signals:
			if s != syscall.SIGHUP {
				d.drain(s.String())
				return
			}
			if _, err := d.Reload(ctx); err != nil {
				d.log.Error("reload refused, nothing has changed", "error", err)
			}
		}
	}
}

// close ends what drain left, in the reverse order of start.
func (d *daemon) close() {
	if d.service != nil {
		d.service.Close()
	}
	d.stopAdmin()
	if d.sockets != nil {
		_ = d.sockets.Close()
	}
}

// errStopping is what a reload gets that comes too late.
var errStopping = errors.New("the daemon is stopping; start it again")
