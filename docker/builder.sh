#!/bin/sh
# builder.sh PACKAGE…
#
# Writes a tar of a root file system to standard output: these packages of this machine with all that
# they need, what every Debian has, and this machine's Go. It is to build the images in, where no
# registry answers: it takes seconds and no network, but all of the packages must be installed
# here.
set -eu

for p in "$@"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | head -n 1)" = installed ] || { echo "builder.sh: $p is not installed" >&2; exit 1; }
done
goroot=$(go env GOROOT)
list=$(mktemp)
trap 'rm -f "$list"' EXIT

essential=$(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p')
# shellcheck disable=SC2086 # lists of words
needed=$(apt-cache depends --recurse --important --installed "$@" $essential | sed -n 's/^\([a-z0-9][^ :<>]*\).*/\1/p' | sort -u)
# shellcheck disable=SC2086
installed=$(dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' $needed 2>/dev/null | sed -n 's/^installed //p')
{
	# shellcheck disable=SC2086
	dpkg-query -L $installed
	# What installing them has made.
	find /etc/alternatives /usr/bin -type l -lname '*alternatives*'
	find /etc/alternatives
	echo /etc/passwd
	echo /etc/group
	echo /etc/ld.so.cache
	echo /var/lib/dpkg/status
} | while read -r f; do
	# Folders in / that are links into /usr stay links.
	top=${f#/}
	top=${top%%/*}
	if [ "$f" != "/$top" ] && [ -L "/$top" ]; then f=/usr$f; fi
	echo "$f"
done | sort -u | while read -r f; do [ ! -e "$f" ] && [ ! -L "$f" ] || echo "${f#/}"; done >"$list"

tar -C / -c --no-recursion -T "$list" --recursion "${goroot#/}"
