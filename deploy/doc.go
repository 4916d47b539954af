// Package deploy is what a machine that runs Trunkline is given beside the binary: what
// Prometheus needs to scrape it and to tell of trouble, and a Grafana dashboard. It has no
// code; its tests hold these files to the metrics that there are, and run Prometheus on
// two dataplanes while a path dies.
package deploy
