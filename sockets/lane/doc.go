// Package lane is memory that the server shares with the programs that hold a socket:
// two rings of frames in front of the socket's data connection, so that a busy one needs no
// system call for each message. It is the server's side; preload/lane.c is the other.
//
// Data flow:
//
//	program → ring up → Up.Next, Up.Take → association
//	association → Down.Slot, Down.Commit, Down.Publish → ring down → program
//
// A record is a proto.Frame and its payload, contiguous, from a multiple of 64 bytes on. The
// rings' ends are proto.Lane's words. Who waits, waits on the data connection: a FramePad wakes the
// server, a FrameBell lies in the program's queue as long as the ring down has something.
//
// Trust: the program may write anything anywhere at any time. What the server needs to know of what it wrote
// itself it keeps outside; what it takes from the memory it copies, then checks. Payload may change
// while it is copied: that is the program's own loss. The memory cannot be made smaller (it is sealed).
//
// Ownership: slices that Next and Slot give lie in the memory, until Take, Commit or Close.
//
// Threads: one at a time may call a Lane's methods: who holds the socket's lock.
package lane
