// Package solo keeps private dataplanes for `trunkline exec --solo`: each has a
// loopback and ports in memory, no privilege, and lives as long as somebody uses it.
//
// Data flow:
//
//	Join → (first) a process of our own, which runs Serve → dataplane + sockets.Server
//	     └ a connection to its members' socket, by which Serve knows the process
//
// Join and Serve meet in a folder that only their user can write to; a lock there
// keeps two from starting at once. Serve ends when the processes that joined have
// ended, and nobody holds a socket of theirs.
package solo
