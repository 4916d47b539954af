// Package proto is the protocol between the sockets server and the programs it
// serves: what preload/protocol.h is in C, and a test holds both to the same numbers.
//
// Data flow: a Request and its bytes go up a program's control connection, a Reply
// comes down; a Frame and its payload go either way on the data connection of each
// SCTP socket. Both are unix SOCK_SEQPACKET connections, so one message is one of these.
//
// Ownership: encoders append to the caller's buffer, decoders return what lies in it.
// Neither keeps anything, so any thread may call them. What another process sent is
// checked for its form alone; what it means is for the caller to check.
package proto
