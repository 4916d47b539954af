// Package load says what is asked of a contestant and what it answers: a Spec goes
// in, a Sample comes out. Each contestant (ours, usrsctp, pion) is a package with
// one function Run of that shape.
//
// Cost is the CPU time of the whole process, user and system, both ends counted,
// collector and locks included; a contestant runs in a process of its own, so
// that none pays for what another left behind.
package load
