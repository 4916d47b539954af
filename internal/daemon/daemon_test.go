package daemon

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/internal/config"
)

func TestRunNeedsSomethingToServe(t *testing.T) {
	load := func() (*config.File, error) { return &config.File{Path: "f.yaml"}, nil }
	err := Run(t.Context(), Options{Load: load, Out: io.Discard, Log: io.Discard})
	require.EqualError(t, err, "f.yaml: nothing to serve; add `sockets: {}` for programs, or `service: {kind: echo}` (or discard, chargen)")
}
