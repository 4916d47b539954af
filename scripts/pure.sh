#!/usr/bin/env bash
# Proves that everything but nic/dpdk builds, vets and passes its quick tests
# without cgo, as on a machine with no DPDK.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
export CGO_ENABLED=0
$go build ./cmd/... ./internal/... ./bench/rig ./sctpcore/... ./ring/... ./nic ./nic/mem/... ./nic/fault/... ./nic/pcap/... ./dataplane/... ./sockets/...
packages=$($go list -f '{{.ImportPath}}' ./sctpcore/... ./ring/... ./nic ./nic/mem/... ./nic/fault/... ./nic/pcap/... ./dataplane/... ./sockets/... ./internal/... ./bench/rig ./cmd/...)
# A package that needs cgo would be listed without its files: none of these may.
if $go list -deps -f '{{if .CgoFiles}}{{.ImportPath}}{{end}}' $packages | grep .; then
	echo "the packages above have cgo files even with CGO_ENABLED=0" >&2
	exit 1
fi
$go vet $packages
$go test -short -timeout 5m $packages
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
$go build -o "$dir/trunkline" ./cmd/trunkline
"$dir/trunkline" demo --duration 1500ms --device mem
