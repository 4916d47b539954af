#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trunkline.h"

ssize_t sys_sendmsg(int fd, const struct msghdr *m, int flags) { return syscall(SYS_sendmsg, fd, m, flags); }

ssize_t sys_recvmsg(int fd, struct msghdr *m, int flags) { return syscall(SYS_recvmsg, fd, m, flags); }

int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	return syscall(SYS_getsockopt, fd, level, name, value, length);
}

int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return syscall(SYS_setsockopt, fd, level, name, value, length);
}

int sys_fcntl(int fd, int command, long argument) { return syscall(SYS_fcntl, fd, command, argument); }

int sys_close(int fd) { return syscall(SYS_close, fd); }

enum { MASK = 8 }; /* bytes of the kernel's signal set */

void sys_block_signals(sigset_t *old)
{
	static const uint64_t all = UINT64_MAX;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, old, MASK);
}

void sys_restore_signals(const sigset_t *old)
{
	int saved = errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, MASK);
	errno = saved;
}

int sys_poll(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	int saved = errno;
	if (syscall(SYS_ppoll, &p, 1, ms < 0 ? NULL : &t, NULL, 0) < 0)
		p.revents = 0;
	errno = saved;
	return p.revents;
}

size_t tl_slice(struct iovec *to, const struct iovec *iov, size_t n, size_t skip, size_t max)
{
	size_t filled = 0;
	for (size_t i = 0; i < n && max > 0; i++) {
		size_t length = iov[i].iov_len;
		if (length <= skip) {
			skip -= length;
			continue;
		}
		length -= skip;
		if (length > max)
			length = max;
		to[filled++] = (struct iovec){(char *)iov[i].iov_base + skip, length};
		max -= length;
		skip = 0;
	}
	return filled;
}

ssize_t tl_total(const struct iovec *iov, size_t n)
{
	size_t total = 0;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
			return -1;
		total += iov[i].iov_len;
	}
	return (ssize_t)total;
}
