// Package report makes figures out of repeated measurements: medians, ranges and
// paired ratios, lines that benchstat reads, and bar charts as SVG.
package report
