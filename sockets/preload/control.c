/*
 * The control connection: one per process, made when first needed, on a high
 * descriptor that the program does not see. Requests take turns. A request is
 * short, for the server answers at once, and no signal interrupts it; where the
 * program must wait, it waits on a descriptor of its own (tl_await).
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "trunkline.h"

/* Programs count descriptors from below, and select() reaches up to 1023. */
enum { HIGHEST = 1023, BELOW_LIMIT = 8 };

static struct {
	struct sockaddr_un server;
	socklen_t server_length; /* 0: none is configured */
	_Atomic int fd;          /* -1: none */
	uint64_t cookie;         /* of fd: whether it still is ours */
	uint32_t seq;
	_Atomic int lock; /* 0 free, 1 held, 2 held and wanted */
} control = {.fd = -1};

static sigset_t fork_signals;

static void futex(int operation, int value)
{
	syscall(SYS_futex, &control.lock, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

/* Signals are blocked by the caller: a handler would wait for its own thread. */
static void take(void)
{
	int state = 0;
	if (atomic_compare_exchange_strong(&control.lock, &state, 1))
		return;
	while (atomic_exchange(&control.lock, 2) != 0)
		futex(FUTEX_WAIT, 2);
}

static void give(void)
{
	if (atomic_exchange(&control.lock, 0) == 2)
		futex(FUTEX_WAKE, 1);
}

void tl_init_control(const char *path)
{
	size_t length = path == NULL ? 0 : strlen(path);
	if (length == 0 || length >= sizeof control.server.sun_path)
		return;
	control.server.sun_family = AF_UNIX;
	memcpy(control.server.sun_path, path, length + 1);
	control.server_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
	if (path[0] == '@') {
		control.server.sun_path[0] = 0;
		control.server_length--;
	}
}

bool tl_configured(void) { return control.server_length != 0; }

int tl_control(void) { return atomic_load_explicit(&control.fd, memory_order_relaxed); }

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof cookie;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0)
		return 0;
	return cookie;
}

/* Closes the connection, unless the program has put something else there. */
static void hang_up(void)
{
	int fd = atomic_load(&control.fd);
	if (fd >= 0 && cookie_of(fd) == control.cookie)
		sys_close(fd);
	atomic_store(&control.fd, -1);
}

/* One request and its reply; proof is a descriptor to show, or -1. sent tells
 * whether the server may have seen the request. */
static int transact(int fd, struct tl_call *call, int proof, bool *sent)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ancillary = {0};
	struct iovec out[4] = {{&call->request, sizeof call->request}, call->in[0], call->in[1], call->in[2]};
	struct msghdr m = {.msg_iov = out, .msg_iovlen = 4};
	if (proof >= 0) {
		m.msg_control = ancillary.space;
		m.msg_controllen = sizeof ancillary.space;
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &proof, sizeof proof);
	}
	*sent = false;
	call->request.seq = ++control.seq;
	if (sys_sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
		return errno;
	*sent = true;

	struct iovec in[2] = {{&call->reply, sizeof call->reply}, {call->out, call->room}};
	m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_control = ancillary.space, .msg_controllen = sizeof ancillary.space};
	ssize_t n = sys_recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno;
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (n > 0 && c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&call->received, CMSG_DATA(c), sizeof call->received);
	if (n < (ssize_t)sizeof call->reply || call->reply.op != call->request.op || call->reply.seq != call->request.seq)
		return ECONNRESET;
	return 0;
}

/* Opens a connection and greets. Returns it, or -1 and errno. */
static int dial(void)
{
	if (control.server_length == 0)
		return tl_fail(ENETDOWN);
	int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct timeval patience = {.tv_sec = TL_CONTROL_WAIT};
	sys_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	sys_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	int error = 0;
	bool sent;
	struct tl_call hello = {.request = {.op = TL_HELLO, .level = TL_VERSION, .name = (uint32_t)getpid()}, .received = -1};
	if (syscall(SYS_connect, fd, &control.server, control.server_length) != 0)
		error = errno;
	else
		error = transact(fd, &hello, -1, &sent);
	if (error == 0)
		error = hello.reply.error;
	if (error != 0) {
		sys_close(fd);
		return tl_fail(error);
	}
	return fd;
}

/* Moves fd out of the way of programs that count on low numbers. */
static int raise_descriptor(int fd)
{
	struct rlimit limit;
	long wanted = HIGHEST;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= HIGHEST + BELOW_LIMIT)
		wanted = (long)limit.rlim_cur - BELOW_LIMIT;
	int high = wanted <= fd ? -1 : sys_fcntl(fd, F_DUPFD_CLOEXEC, wanted);
	if (high < 0)
		return fd;
	sys_close(fd);
	return high;
}

/* The process's own exchange, over the connection that is kept. */
static int exchange_kept(struct tl_call *call, int proof)
{
	int fd = atomic_load(&control.fd);
	bool sent = false;
	int error = ENOTCONN;
	if (fd >= 0 && cookie_of(fd) == control.cookie)
		error = transact(fd, call, proof, &sent);
	if (error == 0 || error == EFAULT)
		return error;
	hang_up();
	if (sent)
		return ECONNRESET;
	fd = dial();
	if (fd < 0)
		return errno;
	fd = raise_descriptor(fd);
	control.cookie = cookie_of(fd);
	atomic_store(&control.fd, fd);
	error = transact(fd, call, proof, &sent);
	if (error != 0 && error != EFAULT)
		hang_up();
	return error;
}

static int exchange(struct tl_call *call, int proof)
{
	/* A child that shares our memory has descriptors of its own. */
	if (tl_foreign()) {
		bool sent;
		int fd = dial();
		if (fd < 0)
			return errno;
		int error = transact(fd, call, proof, &sent);
		sys_close(fd);
		return error;
	}
	take();
	int error = exchange_kept(call, proof);
	give();
	return error;
}

/* Whether an exchange failed because there is no server any more. */
static bool no_server(int error)
{
	switch (error) {
	case EACCES:
	case EFAULT:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return false;
	}
	return true;
}

/* Closes a descriptor that the caller does not expect. */
static void refuse_descriptor(struct tl_call *call)
{
	uint16_t op = call->request.op;
	if (call->received < 0 || op == TL_CREATE || op == TL_PEELOFF || op == TL_MAP || (call->reply.flags & TL_R_WAITER))
		return;
	sys_close(call->received);
	call->received = -1;
}

int tl_ask(struct tl_sock *s, int fd, struct tl_call *call)
{
	call->received = -1;
	if (s != NULL && atomic_load(&s->gone) != TL_THERE)
		return ECONNRESET;
	call->request.id = s == NULL ? 0 : atomic_load(&s->id);
	ssize_t length = tl_total(call->in, 3);
	if (length < 0 || length > TL_CONTROL_MAX)
		return EINVAL;
	call->request.length = (uint32_t)length;

	int saved = errno;
	sigset_t signals;
	sys_block_signals(&signals);
	int error = exchange(call, call->request.flags & TL_Q_PROOF ? fd : -1);
	if (error == 0 && (call->reply.flags & TL_R_PROOF) && fd >= 0) {
		call->request.flags |= TL_Q_PROOF;
		error = exchange(call, fd);
	}
	sys_restore_signals(&signals);
	refuse_descriptor(call);
	errno = saved;

	if (error == 0 && call->reply.error == ESTALE && call->reply.socket.id == 0)
		error = ESTALE;
	if (error != 0) {
		if (!no_server(error))
			return error;
		if (s == NULL)
			return ENETDOWN;
		int there = TL_THERE;
		atomic_compare_exchange_strong(&s->gone, &there, TL_GONE);
		return ECONNRESET;
	}
	if (s != NULL)
		tl_update(s, &call->reply.socket);
	return call->reply.error;
}

int tl_ask_plain(struct tl_sock *s, int fd, uint16_t op, uint32_t level)
{
	struct tl_call call = {.request = {.op = op, .level = level}};
	return tl_ask(s, fd, &call);
}

int tl_learn(struct tl_sock *s, int fd)
{
	return atomic_load_explicit(&s->known, memory_order_relaxed) ? 0 : tl_ask_plain(s, fd, TL_INFO, 0);
}

int tl_take_error(struct tl_sock *s, int fd)
{
	struct tl_call call = {.request = {.op = TL_ERROR}};
	int error = tl_ask(s, fd, &call);
	if (atomic_load(&s->gone) != TL_THERE) {
		int untold = TL_GONE;
		return atomic_compare_exchange_strong(&s->gone, &untold, TL_GONE_TOLD) ? ECONNRESET : 0;
	}
	return error != 0 ? error : call.reply.value;
}

int tl_await(struct tl_sock *s, struct tl_call *call, const struct timeval *timeout)
{
	if (call->received < 0)
		return ENOBUFS; /* there was no room for the descriptor */
	if (timeout != NULL)
		sys_setsockopt(call->received, SOL_SOCKET, SO_RCVTIMEO, timeout, sizeof *timeout);
	struct iovec iov = {&call->reply, sizeof call->reply};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int saved = errno;
	ssize_t n = sys_recvmsg(call->received, &m, 0);
	int error = n < 0 ? errno : 0;
	errno = saved;
	sys_close(call->received);
	call->received = -1;
	if (n < 0)
		return error == EWOULDBLOCK ? EAGAIN : error;
	if (n < (ssize_t)sizeof call->reply)
		return ECONNRESET;
	tl_update(s, &call->reply.socket);
	return call->reply.error;
}

void tl_drop_control(void)
{
	if (tl_foreign())
		return;
	sigset_t signals;
	sys_block_signals(&signals);
	take();
	hang_up();
	give();
	sys_restore_signals(&signals);
}

void tl_control_prepare(void)
{
	sigset_t signals;
	sys_block_signals(&signals);
	take();
	fork_signals = signals;
}

void tl_control_parent(void)
{
	sigset_t signals = fork_signals;
	give();
	sys_restore_signals(&signals);
}

void tl_control_adopt(void)
{
	hang_up();
	atomic_store(&control.lock, 0);
}

void tl_control_child(void)
{
	sigset_t signals = fork_signals;
	tl_control_adopt();
	sys_restore_signals(&signals);
}
