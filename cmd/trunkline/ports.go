package main

import (
	"github.com/spf13/cobra"

	"github.com/trunkline-sctp/trunkline/internal/watch"
)

func newPorts() *cobra.Command {
	return newLook("ports", "Its ports: link, addresses, packets", watch.Ports)
}
