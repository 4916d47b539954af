/*
 * Sending. A message is written to the descriptor itself, so that waiting,
 * EAGAIN and SO_SNDTIMEO are native. Where the library cannot know that the
 * server will take it, it asks first (TL_CHECK), and so gets Linux's errno.
 */
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/sctp.h>
#include <linux/sockios.h>

#include "lane.h"
#include "peer.h"
#include "real.h"
#include "trunkline.h"

enum {
	/* What needs the server's word each time. */
	CHECKED_FLAGS = SCTP_EOF | SCTP_ABORT | SCTP_SENDALL | SCTP_ADDR_OVER,
	/* What the kernel charges for a frame beyond its bytes, at most. */
	FRAME_COST = 2048,
};

/* A message on its way. */
struct message {
	struct tl_frame frame;
	struct tl_extra *extra;
	const struct iovec *iov;
	size_t pieces;
	size_t length;
	int flags;   /* MSG_DONTWAIT or 0 */
	int reached; /* SCTP_SENDALL: how many associations there were */
	int waiter;  /* on which the server tells of the association that the message began, or -1 */
};

static bool waits(int fd, struct message *m)
{
	return !(m->flags & MSG_DONTWAIT) && !(sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK);
}

/* Whether the message may go without asking. Fills in what is known of the
 * association. */
static bool certain(struct tl_sock *s, struct message *m)
{
	struct tl_frame *f = &m->frame;
	if (m->length == 0 || m->length > atomic_load_explicit(&s->limit, memory_order_relaxed))
		return false;
	if ((f->sinfo_flags & CHECKED_FLAGS) || m->extra->init != NULL || m->extra->addrs_length != 0)
		return false;
	if (atomic_load_explicit(&s->type, memory_order_relaxed) == SOCK_STREAM && !(f->flags & TL_F_NAMED)) {
		uint16_t state = atomic_load_explicit(&s->state, memory_order_relaxed);
		return (state & TL_S_CONNECTED) && f->stream < atomic_load_explicit(&s->outstreams, memory_order_relaxed);
	}
	return tl_peer_find(s, f);
}

/* The same for all frames of a message, and no other message's. */
static uint64_t fresh_nonce(void)
{
	static _Atomic uint32_t counter;
	return (uint64_t)(uint32_t)getpid() << 32 | atomic_fetch_add(&counter, 1);
}

/* Asks the server whether the message may go. Returns 0 or an errno. */
static int check(struct tl_sock *s, int fd, struct message *m)
{
	m->frame.kind = TL_SEND;
	m->frame.nonce = fresh_nonce();
	struct tl_call call = {
		.request = {.op = TL_CHECK, .flags = m->extra->init != NULL ? TL_Q_INIT : 0, .size = (uint32_t)m->length},
		.in = {
			{&m->frame, sizeof m->frame},
			{(void *)m->extra->init, m->extra->init != NULL ? sizeof(struct sctp_initmsg) : 0},
			{m->extra->addrs, m->extra->addrs_length},
		},
	};
	if (waits(fd, m))
		call.request.flags |= TL_Q_WAIT;
	int error = tl_ask(s, fd, &call);
	m->waiter = call.received;
	if (error != 0)
		return error;
	m->frame.flags |= TL_F_CHECKED;
	m->reached = call.reply.value;
	if (call.reply.socket.assoc_id != 0)
		m->frame.assoc_id = call.reply.socket.assoc_id;
	m->frame.outstreams = call.reply.socket.outstreams;
	tl_peer_learn(s, &m->frame);
	m->frame.outstreams = 0;
	return 0;
}

/* Whether all frames of a long message have room now: it must not stop half-way. */
static bool has_room(int fd, size_t length)
{
	int queued = 0, room = 0;
	socklen_t size = sizeof room;
	if (syscall(SYS_ioctl, fd, SIOCOUTQ, &queued) != 0 || sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &size) != 0)
		return true;
	size_t frames = (length + TL_PAYLOAD_MAX - 1) / TL_PAYLOAD_MAX;
	/* What can never fit goes frame by frame, from an empty queue. */
	return queued <= FRAME_COST || (ssize_t)(length + frames * FRAME_COST) <= (ssize_t)room - queued;
}

/* Writes the frame of the message that begins at byte done to the descriptor. Returns 0 or an errno. */
static int write_frame(int fd, struct message *m, size_t done, struct iovec *iov)
{
	size_t size = m->length - done < TL_PAYLOAD_MAX ? m->length - done : TL_PAYLOAD_MAX;
	struct tl_frame f = m->frame;
	f.length = (uint32_t)size;
	if (done + size < m->length) {
		f.flags |= TL_F_MORE;
		f.flags &= (uint16_t)~TL_F_EOR;
	}
	iov[0] = (struct iovec){&f, sizeof f};
	struct msghdr out = {.msg_iov = iov, .msg_iovlen = 1 + tl_slice(iov + 1, m->iov, m->pieces, done, size)};
	for (bool widened = false;;) {
		ssize_t n = done == 0 ? REAL(sendmsg)(fd, &out, m->flags | MSG_NOSIGNAL) : sys_sendmsg(fd, &out, MSG_NOSIGNAL);
		if (n >= 0)
			return 0;
		if (errno == EMSGSIZE && !widened) {
			widened = true;
			tl_lane_widen(fd);
			continue;
		}
		/* The rest of a message that has begun is not given up. */
		if (done == 0 || (errno != EAGAIN && errno != EINTR))
			return errno;
		sys_poll(fd, POLLOUT, -1);
	}
}

/* write_frame, counted in the lane, so that what comes after it does not overtake it there. */
static int write_counted(struct tl_lane *l, int fd, struct message *m, size_t done, struct iovec *iov)
{
	if (l == NULL)
		return write_frame(fd, m, done, iov);
	m->frame.flags |= TL_F_COUNTED;
	atomic_fetch_add(&l->up_sent, 1);
	int error = write_frame(fd, m, done, iov);
	if (error != 0)
		atomic_fetch_sub(&l->up_sent, 1);
	return error;
}

/* Writes all frames of the message to the descriptor. Returns 0 or an errno. */
static int write_frames(struct tl_sock *s, int fd, struct message *m)
{
	struct iovec iov[m->pieces + 1];
	if (m->length > TL_PAYLOAD_MAX) {
		if (m->frame.nonce == 0)
			m->frame.nonce = fresh_nonce();
		if (!waits(fd, m) && !has_room(fd, m->length))
			return EAGAIN;
	}
	atomic_fetch_add(&s->writing, 1);
	struct tl_lane *l = tl_lane_enter(s);
	if (l != NULL)
		atomic_fetch_sub(&s->writing, 1);
	int error;
	size_t done = 0;
	do {
		error = write_counted(l, fd, m, done, iov);
		done += TL_PAYLOAD_MAX;
	} while (error == 0 && done < m->length);
	if (l != NULL)
		tl_lane_leave(s);
	else
		atomic_fetch_sub(&s->writing, 1);
	if (error == 0)
		tl_lane_count(s, fd, true);
	return error;
}

/* Writes the message to the lane, or else to the descriptor. Returns 0 or an errno. */
static int write_message(struct tl_sock *s, int fd, struct message *m)
{
	m->frame.kind = TL_SEND;
	int error = TL_BESIDE;
	if (m->length <= TL_PAYLOAD_MAX) {
		m->frame.length = (uint32_t)m->length;
		error = tl_lane_write(s, fd, &m->frame, m->iov, m->pieces, m->flags);
	}
	return error == TL_BESIDE ? write_frames(s, fd, m) : error;
}

/* Waits until the association that the message began is up or has failed, which a
 * send does not tell. */
static void wait_up(struct tl_sock *s, int fd, struct message *m)
{
	struct tl_call call = {.received = m->waiter};
	struct timeval timeout = {0};
	socklen_t size = sizeof timeout;
	sys_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size);
	tl_await(s, &call, &timeout);
}

/* Fails a send, with SIGPIPE where Linux sends it. */
static int fail(int error, int flags)
{
	if (error == EPIPE && !(flags & MSG_NOSIGNAL))
		pthread_kill(pthread_self(), SIGPIPE);
	return tl_fail(error);
}

/* Fails a send on a connection that has ended: what ended it is told once. */
static int broken(struct tl_sock *s, int fd, int flags)
{
	int error = tl_take_error(s, fd);
	if (error == 0)
		error = atomic_load(&s->state) & TL_S_REFUSING ? ESHUTDOWN : EPIPE;
	return fail(error, flags);
}

ssize_t tl_send(struct tl_sock *s, int fd, const struct msghdr *h, int flags)
{
	ssize_t length = tl_total(h->msg_iov, h->msg_iovlen);
	if (h->msg_iovlen >= IOV_MAX || length > INT32_MAX)
		return tl_fail(EMSGSIZE);
	if (length < 0)
		return tl_fail(EINVAL);
	struct tl_extra extra;
	struct message m = {.extra = &extra, .iov = h->msg_iov, .pieces = h->msg_iovlen, .length = (size_t)length,
		.flags = flags & MSG_DONTWAIT, .waiter = -1};
	int error = tl_parse(h, flags, &m.frame, &extra);
	if (error == 0)
		error = tl_settle(s, fd, true);
	if (error == 0)
		error = tl_learn(s, fd);
	if (error == 0 && !certain(s, &m))
		error = check(s, fd, &m);
	if (error == EPIPE || (error != 0 && atomic_load(&s->gone) != TL_THERE))
		return broken(s, fd, flags);
	if (error != 0)
		return fail(error, flags);
	if ((m.frame.sinfo_flags & SCTP_SENDALL) && m.reached == 0 && atomic_load(&s->type) != SOCK_STREAM)
		return 0;
	error = write_message(s, fd, &m);
	if (m.waiter >= 0)
		wait_up(s, fd, &m);
	if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
		return broken(s, fd, flags);
	if (error != 0)
		return fail(error, flags);
	return m.frame.sinfo_flags & SCTP_ABORT ? 0 : length;
}

ssize_t tl_send_bytes(struct tl_sock *s, int fd, const void *bytes, size_t n, int flags)
{
	struct iovec iov = {(void *)bytes, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	return tl_send(s, fd, &m, flags);
}
