// Package deploy is what a machine that runs Trunkline is given beside the binary: a systemd
// unit, what makes a Debian package of it, what Prometheus needs to scrape it and to tell of
// trouble, and a Grafana dashboard. It has no code; its tests hold these files to the metrics
// that there are, run Prometheus on two dataplanes while a path dies, and install the package
// where systemd runs the service.
package deploy
