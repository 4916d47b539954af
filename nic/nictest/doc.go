// Package nictest holds every nic.Port to the same contract: Run exercises a
// pair of connected ports and is called from the tests of each driver and
// wrapper.
//
// Data flow: frames of a private EtherType go from one port to the other and
// back; anything else that arrives (a kernel interface sends router
// solicitations) is freed and ignored.
//
// The suite waits in real time, with deadlines, since drivers over real
// devices need it; a port in memory never makes it wait. Each test gets a pair
// of its own, runs on one locked thread, and closes the pair.
package nictest
