#!/usr/bin/env bash
# Runs every fuzz target of the module: fuzz.sh [COUNT], a number of inputs such as
# 50000x or a time such as 10m. A time may end in "context deadline exceeded" when
# it runs out in the middle of an input, which says nothing about the target.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
count=${1:-50000x}
found=0
while read -r package; do
	for target in $($go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		found=$((found + 1))
		echo "== $package $target"
		# Minimising an interesting input may otherwise take most of the run.
		$go test -run '^$' -fuzz "^$target\$" -fuzztime "$count" -fuzzminimizetime 100x -parallel "$(nproc)" "$package"
	done
done < <($go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | sed '/^$/d')
[ "$found" -gt 0 ] || { echo "no fuzz target was found" >&2; exit 1; }
echo "== $found fuzz targets, $count each"
