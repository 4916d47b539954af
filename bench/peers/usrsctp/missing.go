//go:build !cgo || nousrsctp

package usrsctp

import (
	"errors"

	"github.com/trunkline-sctp/trunkline/bench/peers/load"
)

// Run says what is missing.
func Run(load.Spec) (load.Sample, error) {
	return load.Sample{}, errors.New("usrsctp is missing: built without cgo or with the tag nousrsctp; " +
		"install libusrsctp-dev, pkg-config and a C compiler (apt-get install libusrsctp-dev pkg-config gcc)")
}
