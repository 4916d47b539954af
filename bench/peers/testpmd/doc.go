// Package testpmd measures what DPDK's own forwarder, dpdk-testpmd, does with a
// pair of ports: frames go back and forth between their two ends (io forwarding),
// each end polled by a core of its own. It is the bound for whatever else is done
// over the same driver on the same cores.
//
// Data flow:
//
//	Run → a process of testpmd, driven over its standard input → its packet counts
package testpmd
