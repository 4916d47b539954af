#!/bin/sh
# Makes a Debian package of bin/trunkline for the release that it was built on:
#
#   scripts/deb.sh [FOLDER]   default bin; prints the package's path
#
# NFPM is the command that makes it, VERSION the package's version, MAINTAINER ("NAME <ADDRESS>")
# who answers for it: by default whoever makes it, as DEBFULLNAME and DEBEMAIL have it or else the system.
set -eu
cd "$(dirname "$0")/.."
out=${1:-bin}
bin=bin/trunkline
die() { echo "deb: $*" >&2; exit 1; }
command -v dpkg-query >/dev/null || die "this is no Debian: there is no dpkg-query"
[ -x $bin ] || die "there is no $bin: make build"

# owner FILE: the package that a library is of, also where /lib is /usr/lib.
owner() {
	dpkg-query -S "*/$(basename "$(dirname "$1")")/$(basename "$1")" 2>/dev/null | sed -n '1s/[:,].*//p'
}

# depends: what the binary is linked with, and DPDK's drivers of devices that are no NICs.
depends() {
	libs=$(ldd $bin | awk '$3 ~ /^\// { print $3 }')
	eal=$(echo "$libs" | grep /librte_eal.so) || die "$bin is not linked with DPDK: build it with cgo"
	for d in mempool_ring mempool_stack bus_vdev bus_pci net_af_packet net_af_xdp net_memif net_ring net_tap net_vhost net_virtio; do
		f=$(find "$(dirname "$eal")/dpdk" -name "librte_$d.so.*" | sort | head -n 1)
		[ -n "$f" ] || die "DPDK's driver $d is not installed: scripts/setup.sh"
		libs="$libs $f"
	done
	for f in $libs; do
		p=$(owner "$f")
		[ -n "$p" ] || die "no package has $f"
		[ "$p" != libc6 ] || p="libc6 (>= $(dpkg-query -W -f '${Version}' libc6 | sed 's/-.*//'))"
		echo "  - $p"
	done | sort -u
}

list=$(depends)
[ -n "$list" ] || exit 1
conf=$(mktemp)
trap 'rm -f "$conf"' EXIT
{ cat deploy/nfpm.yaml; echo "$list"; } >"$conf"
ARCH=$(dpkg --print-architecture)
VERSION=${VERSION:-0.0~git$(git log -1 --format=%cd.%h --date=format:%Y%m%d)}
MAINTAINER=${MAINTAINER:-${DEBFULLNAME:-$(id -un)} <${DEBEMAIL:-$(id -un)@$(uname -n)}>}
export ARCH VERSION MAINTAINER
mkdir -p "$out"
deb=$out/trunkline_${VERSION}_$ARCH.deb
${NFPM:-nfpm} package -f "$conf" -p deb -t "$deb" >&2
echo "$deb"
