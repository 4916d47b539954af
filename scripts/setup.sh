#!/bin/sh
# Installs what Trunkline is built with, on Debian (12 and later) and Ubuntu:
#
#   scripts/setup.sh          DPDK with its drivers, pkg-config, gcc
#   scripts/setup.sh test     also what the tests and the comparison need
#   scripts/setup.sh sockets  also the SCTP programs that run on the sockets API
#   scripts/setup.sh testbed  also docker, where there is none, and what else the testbed needs
#   scripts/setup.sh system   that, and what a deployed system is tested with: a browser, Prometheus
#   scripts/setup.sh kernel   also QEMU, and a Linux kernel with SCTP to run in it
#   scripts/setup.sh lint     nothing more (the linters are Go modules)
#
# It installs only what is missing, says what, and does nothing when all is
# there. The servers among the programs are neither started nor left to start at boot. Elsewhere it prints what to install. It never installs Go.
set -eu

usage() { echo "usage: scripts/setup.sh [test|sockets|testbed|system|kernel|lint]" >&2; exit 2; }

what=${1:-build}
[ $# -le 1 ] || usage
case $what in build | test | sockets | testbed | system | kernel | lint) ;; *) usage ;; esac

root=$(cd "$(dirname "$0")/.." && pwd)
say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# Go, of at least go.mod's release.
need_go() {
	want=$(awk '$1 == "go" { print $2; exit }' "$root/go.mod")
	command -v go >/dev/null || die "Go $want or later is needed and there is no go in PATH: see https://go.dev/doc/install"
	# The go command may stand for a later toolchain that go.mod asks for: ask
	# for its own release.
	have=$(cd / && GOTOOLCHAIN=local GOFLAGS= go env GOVERSION) || die "go env fails"
	have=${have#go}
	have=${have%% *}
	oldest=$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)
	[ "$oldest" = "$want" ] || die "Go $want or later is needed, this is $have ($(command -v go)): see https://go.dev/doc/install"
	say "Go $have"
}

# testbed: what it needs; an engine that is there will do.
testbed() {
	echo iproute2 libusrsctp-dev make debootstrap
	command -v dockerd >/dev/null || docker version >/dev/null 2>&1 || echo docker.io containerd
}

packages() {
	echo libdpdk-dev librte-meta-allpmds pkg-config gcc libc6-dev
	case $what in
	test) echo libusrsctp-dev tshark iproute2 ethtool dpdk libsctp-dev lksctp-tools ;;
	kernel) echo libsctp-dev tshark qemu-system-x86 kmod xz-utils ;;
	sockets) # the programs, and a C compiler's and Java's needs
		echo libsctp-dev iproute2 openssl python3
		echo lksctp-tools iperf3 socat ncat qperf netperfmeter stress-ng sip-tester freediameterd osmo-stp
		echo kamailio kamailio-sctp-modules default-jdk-headless erlang-base
		;;
	system)
		echo chromium fonts-dejavu-core prometheus
		testbed
		echo systemd util-linux # the package
		;;
	testbed) testbed ;;
	esac
}

missing() {
	for p in $(packages); do
		status=$(dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | head -n 1) || true
		[ "$status" = installed ] || echo "$p"
	done
}

elsewhere() {
	say "this is no Debian or Ubuntu. Install, by whatever name your system has for them:"
	echo "  DPDK 22.11, 24.11 or 25.11 (21.11 and 23.11 were not tried) with headers, pkg-config file (libdpdk.pc) and drivers"
	echo "    (Fedora: dpdk-devel; Arch: dpdk; from source: https://doc.dpdk.org/guides/linux_gsg/)"
	echo "  pkg-config, gcc and the C library's headers"
	case $what in
	test) echo "  usrsctp with headers, libsctp with headers, lksctp-tools, tshark, iproute2, ethtool, dpdk-testpmd" ;;
	kernel) echo "  libsctp with headers and static library, tshark, qemu-system-x86_64, kmod. Put a Linux kernel with its modules and a static busybox where $guest says" ;;
	sockets) echo "  libsctp with headers, iproute2, openssl, python3, and as many as you can of lksctp-tools, iperf3, socat, ncat, qperf,"
		echo "    netperfmeter, stress-ng, sipp, freeDiameter, osmo-stp, kamailio with its sctp module, a JDK, Erlang" ;;
	testbed) echo "  docker, or iproute2 and usrsctp with headers" ;;
	system) echo "  Chromium and a font, Prometheus with promtool, systemd, docker, iproute2, usrsctp with headers" ;;
	esac
	check_dpdk || exit 1
}

# apt_get ARGS: quietly; the log is shown if it fails.
apt_get() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 && return
	echo "setup: apt-get $* failed:" >&2
	tail -n 40 "$log" >&2
	return 1
}

brings_servers() { case $what in sockets | testbed | system) ;; *) false ;; esac; }

# Debian starts the servers that it installs, unless this file says no.
policy=/usr/sbin/policy-rc.d

forbid_starting() {
	[ ! -e $policy ] || return 0
	trap '$sudo rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
	$sudo chmod 755 $policy
}

# units PACKAGES: the services that they bring, and the sockets that start them.
units() {
	dpkg-query -L "$@" | sed -n 's,^.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$,\1,p' | sort -u
}

# keep_from_boot PACKAGES: what was enabled by being installed. What systemd brings is the system's own.
keep_from_boot() {
	command -v systemctl >/dev/null || return 0
	for package; do
		shift
		[ "$package" = systemd ] || set -- "$@" "$package"
	done
	[ $# != 0 ] || return 0
	for unit in $(units "$@"); do
		[ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ] || continue
		if $sudo systemctl disable --quiet "$unit"; then
			say "not to be started at boot: $unit"
		else
			say "could not keep $unit from starting at boot"
		fi
	done
}

install() {
	todo=$(missing | tr '\n' ' ')
	todo=${todo% }
	if [ -z "$todo" ]; then
		say "all packages are there"
		return
	fi
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "not root and no sudo; as root: apt-get install $todo"
		sudo=sudo
	fi
	say "installing: $todo"
	log=$(mktemp)
	# An update that fails matters only if the lists do not do.
	apt_get update || say "apt-get update failed, trying with the lists there are"
	! brings_servers || forbid_starting
	# shellcheck disable=SC2086 # a list of words
	apt_get install --no-install-recommends $todo || die "nothing else was done; see above"
	# shellcheck disable=SC2086
	! brings_servers || keep_from_boot $todo
	rm -f "$log"
	say "installed"
}

# The machine that the tests run in QEMU: a kernel with its modules and busybox,
# unpacked in a folder of the user's, never installed.
guest=${TRUNKLINE_GUEST:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/trunkline/guest}

fetch_guest() {
	if [ -e "$guest" ]; then
		say "the guest's kernel is there: $guest"
		return
	fi
	[ "$(dpkg --print-architecture)" = amd64 ] || die "the guest's kernel is fetched for amd64 only"
	new=$guest.new$$
	trap 'rm -rf "$new"' EXIT
	mkdir -p "$new"
	image=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -n 1)
	[ -n "$image" ] || die "apt knows no linux-image-cloud-amd64, which has SCTP: this is for Debian (apt-get update may help)"
	say "fetching $image and busybox-static into $guest"
	(cd "$new" && apt-get -q download "$image" busybox-static >/dev/null) || die "apt-get download failed; see above"
	for deb in "$new"/*.deb; do
		dpkg -x "$deb" "$new" && rm "$deb"
	done
	[ -d "$new/lib/modules" ] || ln -s usr/lib "$new/lib"
	find "$new/lib/" -name '*.ko.xz' -exec xz -d {} +
	depmod=$(PATH=$PATH:/usr/sbin:/sbin command -v depmod)
	"$depmod" -b "$new" "$(ls "$new/lib/modules")"
	mv "$new" "$guest"
	trap - EXIT
}

check_dpdk() {
	command -v pkg-config >/dev/null || { say "there is no pkg-config"; return 1; }
	pkg-config --exists libdpdk || { say "pkg-config does not find libdpdk; set PKG_CONFIG_PATH to where libdpdk.pc is"; return 1; }
	say "DPDK $(pkg-config --modversion libdpdk)"
	# From 23.11 on. cgo lets no flag pass that it does not know.
	if pkg-config --cflags libdpdk | grep -qw -e -mrtm && ! go env CGO_CFLAGS_ALLOW | grep -q mrtm; then
		say "DPDK asks for the compiler flag -mrtm, which cgo refuses by default. Before building:"
		echo "  export CGO_CFLAGS_ALLOW=-mrtm      # or once: go env -w CGO_CFLAGS_ALLOW=-mrtm"
	fi
}

need_go
[ "$what" != lint ] || { say "nothing else is needed to lint"; exit 0; }
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
	install
	check_dpdk || die "DPDK was installed and cannot be used"
	[ "$what" != kernel ] || fetch_guest
else
	elsewhere
fi
say "done"
