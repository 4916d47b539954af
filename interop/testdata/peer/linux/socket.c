/* usrsctp's calls on the kernel's sockets. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "peer.h"

struct socket {
	int fd;
	bool called; /* and maybe not yet connected: nothing can be sent then */
};

static struct socket *of(int fd)
{
	struct socket *so;

	if (fd < 0)
		return NULL;
	so = calloc(1, sizeof *so);
	so->fd = fd;
	return so;
}

struct socket *usrsctp_socket(int domain, int type, int protocol, void *receive, void *send, int threshold, void *context)
{
	(void)receive, (void)send, (void)threshold, (void)context;
	return of(socket(domain, type, protocol));
}

void usrsctp_close(struct socket *so)
{
	close(so->fd);
	free(so);
}

int usrsctp_bindx(struct socket *so, struct sockaddr *addrs, int n, int how)
{
	return sctp_bindx(so->fd, addrs, n, how);
}

int usrsctp_listen(struct socket *so, int backlog)
{
	return listen(so->fd, backlog);
}

struct socket *usrsctp_accept(struct socket *so, struct sockaddr *from, socklen_t *n)
{
	return of(accept(so->fd, from, n));
}

int usrsctp_connectx(struct socket *so, struct sockaddr *addrs, int n, sctp_assoc_t *id)
{
	int flags = fcntl(so->fd, F_GETFL), rc;

	fcntl(so->fd, F_SETFL, flags | O_NONBLOCK);
	rc = sctp_connectx(so->fd, addrs, n, id);
	fcntl(so->fd, F_SETFL, flags);
	so->called = true;
	return rc < 0 && errno == EINPROGRESS ? 0 : rc;
}

int usrsctp_shutdown(struct socket *so, int how)
{
	return shutdown(so->fd, how);
}

/* For sockets of one association the kernel has no ABORT but that of a close without
 * lingering, and close waits for who is in recvmsg: the process ends. */
static void abort_and_exit(struct socket *so)
{
	struct linger none = {.l_onoff = 1};

	setsockopt(so->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	_exit(0);
}

ssize_t usrsctp_sendv(struct socket *so, const void *p, size_t n, struct sockaddr *to, int tos,
	void *info, socklen_t info_len, unsigned type, int flags)
{
	struct iovec v = {(void *)p, n};
	struct pollfd ready = {.fd = so->fd, .events = POLLOUT};

	if (((struct sctp_sndinfo *)info)->snd_flags & SCTP_ABORT)
		abort_and_exit(so);
	if (so->called)
		poll(&ready, 1, -1);
	so->called = false;
	return sctp_sendv(so->fd, &v, 1, to, tos, info, info_len, type, flags);
}

ssize_t usrsctp_recvv(struct socket *so, void *p, size_t n, struct sockaddr *from, socklen_t *from_len,
	void *info, socklen_t *info_len, unsigned *type, int *flags)
{
	struct iovec v = {p, n};

	return sctp_recvv(so->fd, &v, 1, from, from_len, info, info_len, type, flags);
}

/* To usrsctp port 0 of an own address is the socket's, to the kernel another port. */
static int prefer(struct socket *so, struct sctp_setpeerprim wish)
{
	struct sockaddr_storage own, *wanted = &wish.sspp_addr;
	socklen_t n = sizeof own;

	if (getsockname(so->fd, (struct sockaddr *)&own, &n) < 0)
		return -1;
	((struct sockaddr_in *)wanted)->sin_port = ((struct sockaddr_in *)&own)->sin_port; /* where IPv6 has it too */
	return setsockopt(so->fd, IPPROTO_SCTP, SCTP_SET_PEER_PRIMARY_ADDR, &wish, sizeof wish);
}

int usrsctp_setsockopt(struct socket *so, int level, int name, const void *value, socklen_t n)
{
	if (level == IPPROTO_SCTP && name == SCTP_SET_PEER_PRIMARY_ADDR)
		return prefer(so, *(const struct sctp_setpeerprim *)value);
	return setsockopt(so->fd, level, name, value, n);
}

int usrsctp_getsockopt(struct socket *so, int level, int name, void *value, socklen_t *n)
{
	return getsockopt(so->fd, level, name, value, n);
}

int usrsctp_getpaddrs(struct socket *so, sctp_assoc_t id, struct sockaddr **list)
{
	return sctp_getpaddrs(so->fd, id, list);
}

void usrsctp_freepaddrs(struct sockaddr *list)
{
	sctp_freepaddrs(list);
}
