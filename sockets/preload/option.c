/* getsockopt, setsockopt, getsockname and getpeername: the server's, in the
 * program's own bytes, but for what only the library knows. */
#include <netinet/in.h>
#include <string.h>
#include <fcntl.h>
#include <linux/sctp.h>

#include "peer.h"
#include "trunkline.h"

/* Whether an option lives in the descriptor itself: waits are native. */
static bool native(int level, int name)
{
	if (level != SOL_SOCKET)
		return false;
	return name == SO_RCVTIMEO || name == SO_SNDTIMEO;
}

static int put_int(int number, void *value, socklen_t *length)
{
	socklen_t n = *length < sizeof number ? *length : sizeof number;
	if ((int)*length < 0)
		return tl_fail(EINVAL);
	memcpy(value, &number, n);
	*length = n;
	return 0;
}

/* What the library answers itself; false: it is the server's. */
static bool own_option(struct tl_sock *s, int level, int name, int *number)
{
	if (level != SOL_SOCKET)
		return false;
	switch (name) {
	case SO_DOMAIN:
		*number = atomic_load(&s->domain);
		return true;
	case SO_TYPE:
		*number = atomic_load(&s->type);
		return true;
	case SO_PROTOCOL:
		*number = IPPROTO_SCTP;
		return true;
	}
	return false;
}

/* SCTP_SOCKOPT_PEELOFF and _FLAGS: the result is the new descriptor. */
static int peel_off(struct tl_sock *s, int fd, bool with_flags, void *value, socklen_t *length)
{
	sctp_peeloff_flags_arg_t arg = {0};
	socklen_t size = with_flags ? sizeof arg : sizeof arg.p_arg;
	if (*length < size)
		return tl_fail(EINVAL);
	memcpy(&arg, value, size);
	/* The server moves what is unread in our queue: nobody reads meanwhile. */
	struct tl_call call = {.request = {.op = TL_PEELOFF, .flags = TL_Q_PROOF, .level = (uint32_t)arg.p_arg.associd, .name = arg.flags}};
	bool locked = tl_lock(s);
	int error = tl_ask(s, fd, &call);
	atomic_store(&s->expect, TL_UNKNOWN);
	atomic_fetch_add(&s->version, 1);
	tl_unlock(s, locked);
	if (error == 0 && call.received < 0)
		error = EMFILE;
	if (error != 0)
		return tl_fail(error);
	tl_peer_forget(s, arg.p_arg.associd);
	if (!tl_track(call.received, &call.reply.socket)) {
		sys_close(call.received);
		return tl_fail(ENOMEM);
	}
	if (!(arg.flags & SOCK_CLOEXEC))
		sys_fcntl(call.received, F_SETFD, 0);
	if (arg.flags & SOCK_NONBLOCK)
		sys_fcntl(call.received, F_SETFL, O_RDWR | O_NONBLOCK);
	arg.p_arg.sd = call.received;
	memcpy(value, &arg, size);
	*length = size;
	return call.received;
}

/* SCTP_SOCKOPT_CONNECTX3: the argument points to the addresses. */
static int connectx3(struct tl_sock *s, int fd, void *value, socklen_t *length)
{
	struct sctp_getaddrs_old arg;
	if (*length < sizeof arg)
		return tl_fail(EINVAL);
	memcpy(&arg, value, sizeof arg);
	if (arg.addr_num <= 0 || arg.addrs == NULL)
		return tl_fail(EINVAL);
	int result = tl_connect(s, fd, arg.addrs, (size_t)arg.addr_num, true, &arg.assoc_id);
	if (result == 0 || errno == EINPROGRESS) {
		memcpy(value, &arg.assoc_id, sizeof arg.assoc_id);
		*length = sizeof arg.assoc_id;
	}
	return result;
}

static int ask_option(struct tl_sock *s, int fd, int level, int name, void *value, socklen_t *length)
{
	socklen_t shown = *length < TL_OPTION_IN ? *length : TL_OPTION_IN;
	struct tl_call call = {
		.request = {.op = TL_GETOPT, .level = (uint32_t)level, .name = (uint32_t)name, .size = *length},
		.in = {{value, shown}},
		.out = value,
		.room = *length,
	};
	int error = tl_ask(s, fd, &call);
	if (error != 0)
		return tl_fail(error);
	*length = (socklen_t)call.reply.value;
	return 0;
}

int tl_getsockopt(struct tl_sock *s, int fd, int level, int name, void *value, socklen_t *length)
{
	if (length == NULL || (value == NULL && *length != 0))
		return tl_fail(EFAULT);
	if (native(level, name))
		return sys_getsockopt(fd, level, name, value, length);
	int number, error = tl_learn(s, fd);
	if (error == 0)
		error = tl_settle(s, fd, false);
	if (error != 0 && !(level == SOL_SOCKET && name == SO_ERROR))
		return tl_fail(error);
	if (own_option(s, level, name, &number))
		return put_int(number, value, length);
	if (level == SOL_SOCKET && name == SO_ERROR)
		return put_int(tl_take_error(s, fd), value, length);
	if (level == IPPROTO_SCTP && (name == SCTP_SOCKOPT_PEELOFF || name == SCTP_SOCKOPT_PEELOFF_FLAGS))
		return peel_off(s, fd, name == SCTP_SOCKOPT_PEELOFF_FLAGS, value, length);
	if (level == IPPROTO_SCTP && name == SCTP_SOCKOPT_CONNECTX3)
		return connectx3(s, fd, value, length);
	return ask_option(s, fd, level, name, value, length);
}

int tl_setsockopt(struct tl_sock *s, int fd, int level, int name, const void *value, socklen_t length)
{
	if (native(level, name))
		return sys_setsockopt(fd, level, name, value, length);
	if (value == NULL && length != 0)
		return tl_fail(EFAULT);
	int32_t assoc_id = 0;
	if (level == IPPROTO_SCTP && name == SCTP_SOCKOPT_CONNECTX)
		return tl_connect(s, fd, value, length, true, &assoc_id) == 0 ? assoc_id : -1;
	if (level == IPPROTO_SCTP && name == SCTP_SOCKOPT_CONNECTX_OLD)
		return tl_connect(s, fd, value, length, true, NULL);
	struct tl_call call = {
		.request = {.op = TL_SETOPT, .level = (uint32_t)level, .name = (uint32_t)name, .size = length},
		.in = {{(void *)value, length}},
	};
	int error = tl_settle(s, fd, false);
	if (error == 0)
		error = tl_ask(s, fd, &call);
	return error == 0 ? 0 : tl_fail(error);
}

void tl_put_address(struct sockaddr *to, socklen_t *length, const void *addr, socklen_t n)
{
	if (to == NULL || length == NULL)
		return;
	memcpy(to, addr, *length < n ? *length : n);
	*length = n;
}

int tl_address(struct tl_sock *s, int fd, uint16_t op, struct sockaddr *addr, socklen_t *length)
{
	if (addr == NULL || length == NULL)
		return tl_fail(EFAULT);
	if ((int)*length < 0)
		return tl_fail(EINVAL);
	uint8_t found[TL_ADDR_SIZE] = {0};
	struct tl_call call = {.request = {.op = op}, .out = found, .room = sizeof found};
	int error = tl_settle(s, fd, false);
	if (error == 0)
		error = tl_ask(s, fd, &call);
	if (error != 0)
		return tl_fail(error);
	tl_put_address(addr, length, found, call.reply.length < sizeof found ? call.reply.length : sizeof found);
	return 0;
}
