package main

import (
	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newDrops() *cobra.Command { return newLook("drops", "What it threw away, and why", watch.Drops) }
