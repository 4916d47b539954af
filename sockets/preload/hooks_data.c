/* The calls that carry data. What is not ours goes on after two loads. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "real.h"
#include "trunkline.h"

TL_EXPORT ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(send)(fd, bytes, n, flags) : tl_send_bytes(s, fd, bytes, n, flags);
}

TL_EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(write)(fd, bytes, n) : tl_send_bytes(s, fd, bytes, n, 0);
}

TL_EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(writev)(fd, iov, count);
	if (count < 0 || count > IOV_MAX)
		return tl_fail(EINVAL);
	if (tl_total(iov, (size_t)count) == 0)
		return 0; /* the kernel does not ask the socket then */
	struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
	return tl_send(s, fd, &m, 0);
}

TL_EXPORT ssize_t sendto(int fd, const void *bytes, size_t n, int flags, __CONST_SOCKADDR_ARG addr, socklen_t length)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(sendto)(fd, bytes, n, flags, addr, length);
	struct iovec iov = {(void *)bytes, n};
	struct msghdr m = {.msg_name = (void *)addr.__sockaddr__, .msg_namelen = length, .msg_iov = &iov, .msg_iovlen = 1};
	return tl_send(s, fd, &m, flags);
}

TL_EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(sendmsg)(fd, m, flags) : tl_send(s, fd, m, flags);
}

TL_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(sendmmsg)(fd, messages, n, flags);
	unsigned done = 0;
	for (; done < n; done++) {
		ssize_t sent = tl_send(s, fd, &messages[done].msg_hdr, flags);
		if (sent < 0)
			return done == 0 ? -1 : (int)done;
		messages[done].msg_len = (unsigned)sent;
	}
	return (int)done;
}

TL_EXPORT ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(recv)(fd, bytes, n, flags) : tl_recv_bytes(s, fd, bytes, n, flags);
}

TL_EXPORT ssize_t read(int fd, void *bytes, size_t n)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(read)(fd, bytes, n) : tl_recv_bytes(s, fd, bytes, n, 0);
}

TL_EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(readv)(fd, iov, count);
	if (count < 0 || count > IOV_MAX)
		return tl_fail(EINVAL);
	if (tl_total(iov, (size_t)count) == 0)
		return 0;
	struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
	return tl_recv(s, fd, &m, 0);
}

TL_EXPORT ssize_t recvfrom(int fd, void *bytes, size_t n, int flags, __SOCKADDR_ARG addr, socklen_t *length)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(recvfrom)(fd, bytes, n, flags, addr, length);
	struct iovec iov = {bytes, n};
	bool named = addr.__sockaddr__ != NULL && length != NULL;
	struct msghdr m = {.msg_name = named ? addr.__sockaddr__ : NULL, .msg_namelen = named ? *length : 0, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t got = tl_recv(s, fd, &m, flags);
	if (got >= 0 && named)
		*length = m.msg_namelen;
	return got;
}

/* Looks at the descriptors that a message of somebody else's socket brought. */
static void identify_received(const struct msghdr *m)
{
	if (m->msg_control == NULL || m->msg_controllen < sizeof(struct cmsghdr))
		return;
	struct msghdr walk = *m;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&walk); c != NULL; c = CMSG_NXTHDR(&walk, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int)))
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			tl_identify(fd);
		}
	}
}

TL_EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	struct tl_sock *s = tl_find(fd);
	if (s != NULL)
		return tl_recv(s, fd, m, flags);
	ssize_t n = REAL(recvmsg)(fd, m, flags);
	if (n >= 0)
		identify_received(m);
	return n;
}

static bool past(const struct timespec *end)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > end->tv_sec || (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

TL_EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL) {
		int got = REAL(recvmmsg)(fd, messages, n, flags, timeout);
		for (int i = 0; i < got; i++)
			identify_received(&messages[i].msg_hdr);
		return got;
	}
	struct timespec end = {0};
	if (timeout != NULL) {
		clock_gettime(CLOCK_MONOTONIC, &end);
		end.tv_sec += timeout->tv_sec;
		end.tv_nsec += timeout->tv_nsec;
		if (end.tv_nsec >= 1000000000) {
			end.tv_sec++;
			end.tv_nsec -= 1000000000;
		}
	}
	bool one = flags & MSG_WAITFORONE;
	unsigned done = 0;
	for (; done < n; done++) {
		ssize_t got = tl_recv(s, fd, &messages[done].msg_hdr, flags & ~MSG_WAITFORONE);
		if (got < 0)
			return done == 0 ? -1 : (int)done;
		messages[done].msg_len = (unsigned)got;
		if (one)
			flags |= MSG_DONTWAIT;
		if (timeout != NULL && past(&end))
			return (int)done + 1;
	}
	return (int)done;
}

/* What the compiler makes of read, recv and recvfrom under _FORTIFY_SOURCE. */

extern void __chk_fail(void) __attribute__((noreturn));
TL_EXPORT ssize_t __read_chk(int fd, void *bytes, size_t n, size_t size);
TL_EXPORT ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags);
TL_EXPORT ssize_t __recvfrom_chk(int fd, void *bytes, size_t n, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *length);

ssize_t __read_chk(int fd, void *bytes, size_t n, size_t size)
{
	if (n > size)
		__chk_fail();
	return read(fd, bytes, n);
}

ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t size, int flags)
{
	if (n > size)
		__chk_fail();
	return recv(fd, bytes, n, flags);
}

ssize_t __recvfrom_chk(int fd, void *bytes, size_t n, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *length)
{
	if (n > size)
		__chk_fail();
	return recvfrom(fd, bytes, n, flags, addr, length);
}
