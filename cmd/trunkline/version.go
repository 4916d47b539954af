package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/ports"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of Trunkline, DPDK and Go",
		Args:  arguments(cobra.NoArgs),
		Run: func(c *cobra.Command, _ []string) {
			module := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				module = info.Main.Version
			}
			fmt.Fprintf(c.OutOrStdout(), "trunkline %s\n%s\n%s %s/%s\n", module, ports.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
