package testbed

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// engine is what nodes run in. One goroutine uses it.
type engine interface {
	// describe says what it is.
	describe() string
	// open makes the programs and the networks.
	open(ctx context.Context) error
	// imageSize is that of a node's image in bytes, 0 without images.
	imageSize() int64
	// socketDir is the folder of sockets as the nodes see it.
	socketDir() string
	// start runs a node's program on its networks.
	start(ctx context.Context, n *node) (*process, error)
	// detach takes a node's interface off a network: it is gone.
	detach(ctx context.Context, n *node, network int) error
	// attach puts an interface with the node's address back.
	attach(ctx context.Context, n *node, network int) error
	// hints say how to cut a network by hand.
	hints() []string
	// reset removes the nodes.
	reset() error
	// close removes all that was made.
	close() error
}

// errUnavailable is what an engine that this machine does not have gives.
var errUnavailable = errors.New("not available here")

// command runs a program and gives what it wrote on standard output.
func command(ctx context.Context, name string, args ...string) (string, error) {
	return runCommand(exec.CommandContext(ctx, name, args...))
}

func runCommand(cmd *exec.Cmd) (string, error) {
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(tail(out.String()+log.String())))
	}
	return strings.TrimSpace(out.String()), nil
}

// tail is the end of a long text.
func tail(text string) string {
	const most = 4000
	return text[max(0, len(text)-most):]
}
