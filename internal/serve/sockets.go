package serve

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/trunkline-sctp/trunkline/dataplane"
	"github.com/trunkline-sctp/trunkline/internal/config"
	"github.com/trunkline-sctp/trunkline/sockets"
)

// Sockets begins to serve programs, in a folder that is made if need be.
func Sockets(d *dataplane.Dataplane, f *config.File, log *slog.Logger) (*sockets.Server, error) {
	c := &f.Sockets
	if !strings.HasPrefix(c.Path, "@") {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o755); err != nil {
			return nil, err
		}
	}
	return sockets.Listen(d, SocketsConfig(f, log))
}

// SocketsConfig is what the configuration asks of the sockets server.
func SocketsConfig(f *config.File, log *slog.Logger) sockets.Config {
	c := &f.Sockets
	return sockets.Config{
		Path: c.Path, Mode: c.Mode, Owner: c.Owner, Group: c.Group,
		Limits:         sockets.Limits{Clients: c.Clients, Sockets: c.Sockets, Associations: c.Associations, Buffered: c.Buffered, Lanes: c.Lanes},
		Timers:         f.Timers,
		Core:           f.Limits,
		FixedAddresses: c.FixedAddresses,
		Logger:         log,
	}
}
