//go:build !cgo || nousrsctp

package usrsctp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

func TestMissingIsNamed(t *testing.T) {
	_, err := Run(load.Spec{})
	require.ErrorContains(t, err, "libusrsctp-dev")
}
