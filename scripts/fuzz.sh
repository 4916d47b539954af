#!/usr/bin/env bash
# Runs every fuzz target of the module for a bounded time: fuzz.sh [TIME].
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
time=${1:-10s}
found=0
while read -r package; do
	for target in $($go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		found=$((found + 1))
		echo "== $package $target"
		# Minimising an interesting input may otherwise take the whole time.
		$go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 100x -parallel "$(nproc)" "$package"
	done
done < <($go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | sed '/^$/d')
[ "$found" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "== $found fuzz targets, $time each"
