package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/trunkline-sctp/trunkline/internal/config"
)

// reloadPatience is how long a worker may take to answer before a reload is refused: less than
// the client of the control socket waits for the answer.
const reloadPatience = 5 * time.Second

// Reload reads the configuration again and applies what has changed in it. If something
// has changed that cannot while associations live, or there is a mistake in it, nothing is
// applied, and the error names all that is to mend, a line each, as the result names
// what was changed. A caller that has gone already changes nothing.
func (d *daemon) Reload(ctx context.Context) (changed []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.stopping:
		return nil, errStopping
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	look, cancel := context.WithTimeout(ctx, reloadPatience)
	defer cancel()
	if err := d.observer.Health(look); err != nil { // what a worker does not answer would never end
		return nil, fmt.Errorf("no reload: %w", err)
	}
	d.notify.reloading()
	defer func() {
		for line := range strings.Lines(lines(err)) {
			d.log.Error("reload refused, nothing has changed", "error", strings.TrimSpace(line))
		}
		d.notify.ready(d.status())
	}()
	next, err := d.opt.load()
	if err != nil {
		return nil, errors.New(lines(err))
	}
	changes, problems := planOf(d.file, next)
	if len(problems) > 0 {
		return nil, errors.New(lines(problems))
	}
	take := func(p part, f *config.File) error { return apply[p](d, f) }
	if err := applyAll(partsOf(changes), take, d.file, next); err != nil {
		return nil, fmt.Errorf("%s: %w", next.Path, err)
	}
	d.file = next
	for _, c := range changes {
		d.log.Info("changed", "key", c.key, "from", c.from, "to", c.to)
		changed = append(changed, c.String())
	}
	d.log.Info("reloaded", "file", next.Path, "changes", len(changes))
	return changed, nil
}

// lines is all that an error has to say, of problems a line each.
func lines(err error) string {
	var problems config.Problems
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &problems):
		return err.Error()
	}
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintln(&b, p)
	}
	return strings.TrimSpace(b.String())
}
