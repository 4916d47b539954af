// Command docker is the testbed of `make testbed`: two Trunkline nodes and a foreign peer on
// two networks, one of which is cut. See README.md here, and internal/testbed, which does it.
package main
