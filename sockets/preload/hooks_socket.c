/* The socket calls that carry no data. */
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "real.h"
#include "trunkline.h"

static bool is_sctp(int domain, int type, int protocol)
{
	if (domain != AF_INET && domain != AF_INET6)
		return false;
	if (type == SOCK_STREAM)
		return protocol == IPPROTO_SCTP;
	return type == SOCK_SEQPACKET && (protocol == IPPROTO_SCTP || protocol == 0);
}

TL_EXPORT int socket(int domain, int type, int protocol)
{
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!is_sctp(domain, type & ~flags, protocol) || !tl_configured()) {
		int fd = REAL(socket)(domain, type, protocol);
		if (fd >= 0)
			tl_drop(fd);
		return fd;
	}
	struct tl_call call = {
		.request = {.op = TL_CREATE, .level = (uint32_t)domain, .name = (uint32_t)(type & ~flags), .size = (uint32_t)protocol},
	};
	int error = tl_ask(NULL, -1, &call);
	if (error == 0 && call.received < 0)
		error = EMFILE;
	if (error != 0)
		return tl_fail(error);
	if (!tl_track(call.received, &call.reply.socket)) {
		sys_close(call.received);
		return tl_fail(ENOMEM);
	}
	if (!(flags & SOCK_CLOEXEC))
		sys_fcntl(call.received, F_SETFD, 0);
	if (flags & SOCK_NONBLOCK)
		sys_fcntl(call.received, F_SETFL, O_RDWR | O_NONBLOCK);
	return call.received;
}

TL_EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
	int result = REAL(socketpair)(domain, type, protocol, pair);
	if (result == 0) {
		tl_drop(pair[0]);
		tl_drop(pair[1]);
	}
	return result;
}

/* A request that has an address or an argument, after a connect in progress was
 * looked after. */
static int ask(struct tl_sock *s, int fd, uint16_t op, uint32_t level, const void *bytes, size_t n)
{
	struct tl_call call = {.request = {.op = op, .level = level}, .in = {{(void *)bytes, n}}};
	int error = tl_settle(s, fd, false);
	if (error == 0)
		error = tl_ask(s, fd, &call);
	return error == 0 ? 0 : tl_fail(error);
}

TL_EXPORT int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t length)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(bind)(fd, addr, length);
	if (length > sizeof(struct sockaddr_storage))
		return tl_fail(EINVAL);
	return ask(s, fd, TL_BIND, 0, addr.__sockaddr__, length);
}

TL_EXPORT int connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t length)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL)
		return REAL(connect)(fd, addr, length);
	if (length > sizeof(struct sockaddr_storage))
		return tl_fail(EINVAL);
	return tl_connect(s, fd, addr.__sockaddr__, length, false, NULL);
}

TL_EXPORT int listen(int fd, int backlog)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(listen)(fd, backlog) : tl_listen(s, fd, backlog);
}

TL_EXPORT int shutdown(int fd, int how)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(shutdown)(fd, how) : ask(s, fd, TL_SHUTDOWN, (uint32_t)how, NULL, 0);
}

TL_EXPORT int accept4(int fd, __SOCKADDR_ARG addr, socklen_t *length, int flags)
{
	struct tl_sock *s = tl_find(fd);
	if (s != NULL)
		return tl_accept(s, fd, addr.__sockaddr__, length, flags);
	int accepted = REAL(accept4)(fd, addr, length, flags);
	if (accepted >= 0)
		tl_drop(accepted);
	return accepted;
}

TL_EXPORT int accept(int fd, __SOCKADDR_ARG addr, socklen_t *length)
{
	struct tl_sock *s = tl_find(fd);
	if (s != NULL)
		return tl_accept(s, fd, addr.__sockaddr__, length, 0);
	int accepted = REAL(accept)(fd, addr, length);
	if (accepted >= 0)
		tl_drop(accepted);
	return accepted;
}

TL_EXPORT int getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *length)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(getsockname)(fd, addr, length) : tl_address(s, fd, TL_SOCKNAME, addr.__sockaddr__, length);
}

TL_EXPORT int getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *length)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(getpeername)(fd, addr, length) : tl_address(s, fd, TL_PEERNAME, addr.__sockaddr__, length);
}

TL_EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(getsockopt)(fd, level, name, value, length) : tl_getsockopt(s, fd, level, name, value, length);
}

TL_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	struct tl_sock *s = tl_find(fd);
	return s == NULL ? REAL(setsockopt)(fd, level, name, value, length) : tl_setsockopt(s, fd, level, name, value, length);
}
