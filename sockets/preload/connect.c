/*
 * connect(), sctp_connectx() and listen(). A blocking caller waits on a descriptor that
 * came with the reply. For a one-to-one socket that does not block, "in
 * progress" must show in poll: the descriptor's send buffer is shrunk and filled
 * with pads, which the server leaves there until the matter is decided. So is that of a
 * one-to-one socket that listens: nobody ever finds it writable.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/time.h>

#include "trunkline.h"

static bool one_to_one(struct tl_sock *s) { return atomic_load(&s->type) == SOCK_STREAM; }

static void pad(struct tl_sock *s, int fd)
{
	int room = 0, least = 1;
	socklen_t length = sizeof room;
	if (atomic_load(&s->pad_room) != 0 || sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &length) != 0)
		return;
	atomic_store(&s->pad_room, room);
	sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	uint8_t byte = TL_PAD;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	for (int i = 0; i < TL_PADS && (sys_poll(fd, POLLOUT, 0) & POLLOUT); i++)
		if (sys_sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
}

/* Gives the descriptor its send buffer back. */
static void unpad(struct tl_sock *s, int fd)
{
	int room = atomic_exchange(&s->pad_room, 0) / 2; /* the kernel doubles it */
	if (room == 0)
		return;
	int saved = errno;
	if (sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
		sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	errno = saved;
}

int tl_settle(struct tl_sock *s, int fd, bool take_error)
{
	if (atomic_load_explicit(&s->pad_room, memory_order_relaxed) == 0)
		return 0;
	if (!(sys_poll(fd, POLLOUT, 0) & (POLLOUT | POLLHUP | POLLERR)))
		return 0;
	unpad(s, fd);
	int error = tl_ask_plain(s, fd, TL_INFO, 0);
	if (error == 0 && take_error && !(atomic_load(&s->state) & TL_S_CONNECTED))
		error = tl_take_error(s, fd);
	return error;
}

static bool blocks(int fd) { return !(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK); }

/* Waits for a connect that takes time. */
static int wait_connected(struct tl_sock *s, int fd, struct tl_call *call)
{
	struct timeval timeout = {0};
	socklen_t length = sizeof timeout;
	sys_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &length);
	int error = tl_await(s, call, &timeout);
	return error == EAGAIN ? EINPROGRESS : error;
}

int tl_connect(struct tl_sock *s, int fd, const void *addrs, size_t length, bool many, int32_t *assoc_id)
{
	int error = tl_settle(s, fd, false);
	if (error == 0)
		error = tl_learn(s, fd);
	if (error != 0)
		return tl_fail(error);
	struct tl_call call = {
		.request = {.op = TL_CONNECT, .flags = many ? TL_Q_MANY : 0},
		.in = {{(void *)addrs, length}},
	};
	if (blocks(fd))
		call.request.flags |= TL_Q_WAIT;
	error = tl_ask(s, fd, &call);
	int32_t id = call.reply.value;
	if (error == EINPROGRESS && (call.reply.flags & TL_R_WAITER))
		error = wait_connected(s, fd, &call);
	if ((error == EINPROGRESS || error == EINTR) && one_to_one(s))
		pad(s, fd); /* it goes on without us: poll is to tell the end */
	if (assoc_id != NULL && (error == 0 || error == EINPROGRESS))
		*assoc_id = id;
	return error == 0 ? 0 : tl_fail(error);
}

int tl_listen(struct tl_sock *s, int fd, int backlog)
{
	int error = tl_settle(s, fd, false);
	if (error == 0)
		error = tl_ask_plain(s, fd, TL_LISTEN, (uint32_t)backlog);
	if (error != 0)
		return tl_fail(error);
	if (one_to_one(s) && (atomic_load(&s->state) & TL_S_LISTENING))
		pad(s, fd);
	return 0;
}
