package daemon

import (
	"context"
	"fmt"
)

// Reload reads the configuration again and applies what has changed in it. If something
// has changed that cannot while associations live, or a mistake is in it, nothing is
// applied, and the error says all that is to mend: config.Problems. changed names what was
// changed, a line each.
func (d *daemon) Reload(_ context.Context) (changed []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return nil, errStopping
	}
	if _, err := d.opt.Load(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s: nothing can change while running yet; restart", d.file.Path)
}
