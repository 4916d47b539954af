#!/bin/sh
# Builds the preload library: scripts/preload.sh OUT, with CC or cc. OUT is
# replaced at once, so that programs that run keep the old one.
set -eu

[ $# -eq 1 ] || { echo "usage: scripts/preload.sh OUT" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
command -v "${CC:-cc}" >/dev/null || { echo "preload: no C compiler (${CC:-cc}); scripts/setup.sh installs one" >&2; exit 1; }
# Fortified headers define some of the functions that the library replaces.
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -U_FORTIFY_SOURCE -O2 -Wall -Wextra -Werror \
	-shared -fPIC -fvisibility=hidden -Wl,-z,now -o "$1.new" "$root"/sockets/preload/*.c
mv "$1.new" "$1"
