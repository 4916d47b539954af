/* The functions that this library stands in front of. */
#ifndef TRUNKLINE_REAL_H
#define TRUNKLINE_REAL_H

#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <fcntl.h>
#include <unistd.h>

#define TL_REAL_FUNCTIONS(X) \
	X(socket) X(socketpair) X(bind) X(connect) X(listen) X(accept) X(accept4) X(getsockname) X(getpeername) \
	X(getsockopt) X(setsockopt) X(shutdown) X(send) X(sendto) X(sendmsg) X(sendmmsg) X(write) X(writev) \
	X(recv) X(recvfrom) X(recvmsg) X(recvmmsg) X(read) X(readv) X(sendfile) X(sendfile64) X(splice) \
	X(close) X(close_range) X(closefrom) X(fclose) X(dup) X(dup2) X(dup3) X(fcntl) X(ioctl)

/* Never called before tl_resolve, which the constructor and REAL see to. */
struct tl_real {
#define X(name) __typeof__(name) *name;
	TL_REAL_FUNCTIONS(X)
#undef X
};

extern struct tl_real tl_real;
void tl_resolve(void);

/* Constructors of other libraries may call hooks before ours has run. */
#define REAL(name) (__builtin_expect(tl_real.name != NULL, 1) ? tl_real.name : (tl_resolve(), tl_real.name))

#endif
