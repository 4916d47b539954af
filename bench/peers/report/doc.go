// Package report makes figures out of repeated measurements: medians, ranges and
// paired ratios, lines that benchstat reads, bar charts as SVG, and
// the commit and the machine that the figures are of.
package report
