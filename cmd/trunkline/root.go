package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// errSilent ends with exitFailed; what there was to say has been written.
var errSilent = errors.New("failed")

// usageError is wrong usage: exitUsage.
type usageError struct{ error }

// usage marks an error of flags or arguments; nil stays nil.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// execute runs one command line and gives the exit code. When ctx is done,
// what runs ends gracefully.
func execute(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSilent):
		return exitFailed
	case errors.As(err, &wrong) || strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(errOut, "trunkline: %s\n", oneLine(err))
		return exitUsage
	}
	fmt.Fprintf(errOut, "trunkline: %s\n", oneLine(err))
	return exitFailed
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "trunkline",
		Short:             "A userspace SCTP dataplane on DPDK",
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              cobra.NoArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see `%s --help`", err, c.CommandPath()))
	})
	root.AddCommand(newDemo(), newRun(), newCheck(), newExec(), newPerf(), newProbe(), newSolo(), newVersion(),
		newAssocs(), newPaths(), newPorts(), newDrops(), newEvents(), newTop(), newCapture(), newReload())
	return root
}

// arguments makes the errors of a check of positional arguments usage errors.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(fmt.Errorf("%w; see `%s --help`", err, c.CommandPath()))
		}
		return nil
	}
}
