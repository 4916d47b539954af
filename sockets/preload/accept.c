/* accept(): the server has put the new descriptor into the listening one's queue. */
#include <fcntl.h>
#include <string.h>

#include "real.h"
#include "trunkline.h"

struct offer {
	struct tl_frame frame;
	struct tl_socket socket;
};

/* Whether this process may have one more descriptor. An offer that is read
 * without room for it would be lost. */
static bool room_for_one(int fd)
{
	int probe = sys_fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (probe >= 0)
		sys_close(probe);
	return probe >= 0;
}

/* Reads one offer. Returns its descriptor, or -1 and errno. */
static int take_offer(struct tl_sock *s, int fd, struct offer *offer, int flags)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ancillary;
	struct iovec iov = {offer, sizeof *offer};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary.space, .msg_controllen = sizeof ancillary.space};
	int take = flags & SOCK_CLOEXEC ? MSG_CMSG_CLOEXEC : 0;
	ssize_t n = REAL(recvmsg)(fd, &m, take);
	/* Who has just connected may be on the way here. */
	if (n < 0 && errno == EAGAIN && tl_ask_plain(s, fd, TL_INFO, 0) == 0)
		n = REAL(recvmsg)(fd, &m, take | MSG_DONTWAIT);
	if (n < 0)
		return -1;
	int error = n == 0 ? tl_take_error(s, fd) : 0;
	if (n == 0)
		return tl_fail(error != 0 ? error : EINVAL);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return tl_fail(m.msg_flags & MSG_CTRUNC ? EMFILE : ECONNABORTED);
	int accepted;
	memcpy(&accepted, CMSG_DATA(c), sizeof accepted);
	if (n != (ssize_t)sizeof *offer || offer->frame.kind != TL_ACCEPT) {
		sys_close(accepted);
		return tl_fail(ECONNABORTED);
	}
	return accepted;
}

int tl_accept(struct tl_sock *s, int fd, struct sockaddr *addr, socklen_t *length, int flags)
{
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return tl_fail(EINVAL);
	int error = tl_learn(s, fd);
	/* Another process may have called listen. */
	if (error == 0 && !(atomic_load(&s->state) & TL_S_LISTENING))
		error = tl_ask_plain(s, fd, TL_INFO, 0);
	if (error != 0)
		return tl_fail(error);
	if (atomic_load(&s->type) != SOCK_STREAM)
		return tl_fail(EOPNOTSUPP);
	if (!(atomic_load(&s->state) & TL_S_LISTENING))
		return tl_fail(EINVAL);
	if (!room_for_one(fd))
		return -1;
	struct offer offer;
	int accepted = take_offer(s, fd, &offer, flags);
	if (accepted < 0)
		return -1;
	if (!tl_track(accepted, &offer.socket)) {
		sys_close(accepted);
		return tl_fail(ENOMEM);
	}
	if (flags & SOCK_NONBLOCK)
		sys_fcntl(accepted, F_SETFL, O_RDWR | O_NONBLOCK);
	if (offer.frame.addr_length <= sizeof offer.frame.addr)
		tl_put_address(addr, length, offer.frame.addr, offer.frame.addr_length);
	return accepted;
}
