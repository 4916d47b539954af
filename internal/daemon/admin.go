package daemon

import "github.com/trunkline-sctp/trunkline/internal/config"

// startAdmin starts the admin server, which has d.dp, d.log, d.File, d.Reload and
// d.Healthy. An error ends Run.
func (d *daemon) startAdmin() error { return nil }

// stopAdmin ends it, after associations were drained, so that one can see that.
func (d *daemon) stopAdmin() {}

// File is the configuration in force; it is not to be changed.
func (d *daemon) File() *config.File {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.file
}
