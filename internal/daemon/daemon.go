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
	"github.com/trunkline-sctp/trunkline/internal/admin"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/internal/observe"
	"github.com/trunkline-sctp/trunkline/internal/serve"
	"github.com/trunkline-sctp/trunkline/internal/unixsock"
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

// load reads the configuration, and the secret in the file that it names.
func (o *Options) load() (*config.File, error) {
	f, err := o.Load()
	if err != nil || f.HTTP.TokenFile == "" {
		return f, err
	}
	if f.HTTP.Token, err = admin.ReadToken(f.HTTP.TokenFile); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	return f, nil
}

// daemon is a running one.
type daemon struct {
	opt    Options
	log    *slog.Logger
	level  *slog.LevelVar
	notify notifier
	dp     *dataplane.Dataplane

	observer *observe.Observer
	admin    *admin.Server

	mu       sync.Mutex // held while the configuration changes
	file     *config.File
	sockets  *sockets.Server // nil: not served
	control  *unixsock.Where // the same
	service  *serve.Service
	stopping bool
}

// Run runs what the configuration asks for until a signal ends it or ctx is done, which is
// the same. It is nil when everything ended in order.
func Run(ctx context.Context, opt Options) error {
	f, err := opt.load()
	if err != nil {
		return err
	}
	if err := servesNothing(f); err != nil {
		return err
	}
	log, level := serve.Logger(f.Log, opt.Log)
	return serve.With(f, log, func(dp *dataplane.Dataplane) error {
		d := &daemon{opt: opt, log: log, level: level, notify: notifier{log}, dp: dp, file: f}
		return d.run(ctx)
	})
}

func (d *daemon) run(ctx context.Context) error {
	if err := d.start(); err != nil {
		d.close()
		return err
	}
	looking, stopLooking := context.WithCancel(context.WithoutCancel(ctx))
	var looks sync.WaitGroup
	looks.Go(func() { d.watchdog(looking) })
	err := d.drain(d.live(ctx))
	stopLooking()
	looks.Wait()
	if err == nil { // else what asks a worker would wait for ever
		d.close()
	}
	return err
}

// servesNothing is an error for a configuration that asks for nothing.
func servesNothing(f *config.File) error {
	if f.Service.Kind == "" && f.Sockets.Path == "" {
		return fmt.Errorf("%s: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)", f.Path)
	}
	return nil
}

// start begins to serve, and tells so.
func (d *daemon) start() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.file
	if f.Sockets.Path != "" {
		if d.sockets, err = serve.Sockets(d.dp, f, d.log); err != nil {
			return err
		}
		fmt.Fprintf(d.opt.Out, "sockets on %s\n", f.Sockets.Path)
	}
	if d.service, err = serve.Start(d.dp, f.Service); err != nil {
		return err
	}
	if err = d.startAdmin(); err != nil {
		return err
	}
	if f.Service.Kind != "" {
		fmt.Fprintln(d.opt.Out, d.service)
	}
	d.notify.ready(d.status())
	d.log.Info("started", "file", f.Path, "serves", d.status())
	return nil
}

// live takes signals until one is to end it, and says which.
func (d *daemon) live(ctx context.Context) (why string) {
	for {
		select {
		case <-ctx.Done():
			return "the caller is done"
		case s := <-d.opt.Signals:
			if s != syscall.SIGHUP {
				return s.String()
			}
			_, _ = d.Reload(ctx) // it has logged why not
		}
	}
}

// status is a line for people. The caller holds mu.
func (d *daemon) status() string {
	s := fmt.Sprintf("%d ports, %d workers, %s", len(d.file.Ports), len(d.file.CPUs), d.service)
	if d.sockets != nil {
		s += ", sockets on " + d.file.Sockets.Path
	}
	return s
}

// close ends what drain left, in the reverse order of start.
func (d *daemon) close() {
	d.stopAdmin()
	if d.service != nil {
		d.service.Close()
	}
	if d.sockets != nil {
		_ = d.sockets.Close()
	}
}

// errStopping is what a reload gets that comes too late.
var errStopping = errors.New("the daemon is stopping; start it again")
