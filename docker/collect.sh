#!/bin/sh
# collect.sh FOLDER PROGRAM [DRIVER…]
#
# Puts a program into FOLDER/usr/bin, and beside it all that it needs to run: the libraries that
# it is linked with, and, if drivers are named, the plugins of DPDK that it loads: these net_
# drivers, the buses and the packet pools; "all" is every plugin. Run where it was built.
set -eu

out=$1
program=$2
shift 2

# put FILE: at the same place in FOLDER, and what it is a link to. A plugin that were there twice
# would be loaded twice.
put() {
	real=$(readlink -f "$1")
	name=$(readlink -f "$(dirname "$1")")/$(basename "$1")
	mkdir -p "$out$(dirname "$real")" "$out$(dirname "$name")"
	[ -e "$out$real" ] || cp "$real" "$out$real"
	[ "$name" = "$real" ] || ln -sf "$real" "$out$name"
}

# with_libraries FILE: puts those that the loader finds for it, and the loader.
with_libraries() {
	found=$(ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p')
	[ -n "$found" ] || { echo "collect.sh: ldd finds nothing for $1" >&2; exit 1; }
	for l in $found; do put "$l"; done
}

mkdir -p "$out/usr/bin" "$out/etc" "$out/run/trunkline" "$out/tmp"
chmod 1777 "$out/tmp"
install -m 755 "$program" "$out/usr/bin/"
for d in lib lib64; do
	[ ! -L /$d ] || ln -sfn usr/$d "$out/$d"
done
with_libraries "$program"

if [ $# -gt 0 ]; then
	# Where DPDK looks for its plugins is said by its pkg-config file's version.
	plugins=$(ls -d "$(pkg-config --variable=libdir libdpdk)"/dpdk/pmds-*)
	names=''
	for d in "$@"; do
		if [ "$d" = all ]; then names='*'; else names="$names net_$d"; fi
	done
	[ "$names" = '*' ] || names="$names bus_pci bus_vdev mempool_ring mempool_stack"
	for n in $names; do
		for f in "$plugins"/librte_$n.so; do
			[ -e "$f" ] || { echo "collect.sh: DPDK here has no $n" >&2; exit 1; }
			put "$f"
			with_libraries "$f"
		done
	done
fi

# Programs look up who they are. The number is what the images run as.
printf 'root:x:0:0:root:/:\ntrunkline:x:10001:10001:Trunkline:/:\n' >"$out/etc/passwd"
printf 'root:x:0:\ntrunkline:x:10001:\n' >"$out/etc/group"
chown 10001:10001 "$out/run/trunkline"
