/*
 * Receiving. A frame is taken from the descriptor in one piece if it fits the
 * program's buffer. Its length is known beforehand: because the frame before
 * told it, or by a look. A frame that is longer than the buffer stays in the
 * queue, so that poll goes on showing it, and SO_PEEK_OFF stands behind what the
 * program has.
 *
 * Looking is done without the lock, for it may wait; taking under it, if nobody
 * has taken anything meanwhile (version), and without waiting.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lane.h"
#include "peer.h"
#include "real.h"
#include "trunkline.h"

/* A read on its way. */
struct reading {
	struct tl_sock *s;
	int fd;
	const struct iovec *iov;
	size_t pieces;
	size_t room; /* bytes in iov */
	int flags;   /* MSG_PEEK, MSG_DONTWAIT */
	struct tl_frame frame;
	bool whole; /* the frame's payload ends with what was read */
	bool cut;   /* bytes of it were lost: another process raced with us */
	bool hush;  /* the bell has been taken off */
};

/* Results of a step beside the number of bytes. */
enum {
	FAILED = -1, /* errno */
	AGAIN = -2,  /* somebody else took the frame: start over */
	END = -3,    /* the connection has ended */
	BELL = -5,   /* the lane begins here */
};

/* How often a bell is believed of which nothing comes, some 10 ms each time. */
enum { JOIN_TRIES = 16 };

static void set_offset(int fd, int offset)
{
	int saved = errno;
	sys_setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
	errno = saved;
}

/* Reads header and payload into the program's buffer from its byte skip on.
 * Returns what recvmsg does. */
static ssize_t read_frame(struct reading *r, size_t skip, int flags)
{
	struct iovec iov[r->pieces + 1];
	iov[0] = (struct iovec){&r->frame, sizeof r->frame};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 1 + tl_slice(iov + 1, r->iov, r->pieces, skip, r->room - skip)};
	return sys_recvmsg(r->fd, &m, flags | MSG_DONTWAIT | MSG_TRUNC);
}

/* A frame has been taken: what is known of the next. */
static void took(struct tl_sock *s, const struct tl_frame *f)
{
	int64_t expect = TL_UNKNOWN;
	if (f->flags & TL_F_NEXT)
		expect = f->next_length < TL_PAYLOAD_MAX ? f->next_length : TL_PAYLOAD_MAX;
	atomic_store_explicit(&s->expect, expect, memory_order_relaxed);
	atomic_fetch_add(&s->version, 1);
	if (f->kind == TL_DATA && atomic_load_explicit(&s->type, memory_order_relaxed) != SOCK_STREAM)
		tl_peer_learn_locked(s, f);
}

/* Whether the server wrote what it should have. */
static bool sound(const struct tl_frame *f, ssize_t n)
{
	return n >= (ssize_t)sizeof *f && (f->kind == TL_DATA || f->kind == TL_NOTIFICATION) && f->length == (size_t)n - sizeof *f;
}

/* Begins to read a frame that the buffer does not take. Under the lock. */
static ssize_t begin_part(struct reading *r, size_t skip)
{
	struct tl_sock *s = r->s;
	ssize_t n = read_frame(r, skip, MSG_PEEK);
	if (n < 0)
		return FAILED;
	if (!sound(&r->frame, n))
		return tl_fail(ECONNRESET);
	if (r->frame.length <= r->room - skip)
		return AGAIN; /* another process took the one that was looked at */
	s->front = r->frame;
	s->taken = (uint32_t)(r->room - skip);
	r->whole = false;
	if (r->flags & MSG_PEEK)
		return (ssize_t)s->taken;
	/* In this order: who looks without the lock is told before it can see the offset. */
	atomic_store(&s->partial, true);
	atomic_fetch_add(&s->version, 1);
	set_offset(r->fd, (int)(sizeof r->frame + s->taken));
	return (ssize_t)s->taken;
}

/* A bell was taken off the queue before its lane was known. */
static ssize_t rung(struct reading *r)
{
	atomic_store_explicit(&r->s->expect, TL_UNKNOWN, memory_order_relaxed);
	atomic_fetch_add(&r->s->version, 1);
	r->hush = true;
	return BELL;
}

/* Reads a frame that the buffer takes. Under the lock. */
static ssize_t take_whole(struct reading *r, size_t skip)
{
	ssize_t n = read_frame(r, skip, r->flags & MSG_PEEK);
	if (n < 0)
		return errno == EAGAIN ? AGAIN : FAILED;
	if (n == 0)
		return END;
	if (n == 1) /* a bell where a message was announced */
		return r->flags & MSG_PEEK ? BELL : rung(r);
	if (!(r->flags & MSG_PEEK))
		took(r->s, &r->frame);
	if (r->frame.kind == TL_END)
		return END;
	if (!sound(&r->frame, n))
		return tl_fail(ECONNRESET);
	r->cut = r->frame.length > r->room - skip;
	r->whole = !r->cut;
	return (ssize_t)(r->cut ? r->room - skip : r->frame.length);
}

/* Takes the front frame, of which length is the payload, if version holds. */
static ssize_t take(struct reading *r, size_t skip, size_t length, uint32_t version)
{
	struct tl_sock *s = r->s;
	ssize_t n = AGAIN;
	bool locked = tl_lock(s);
	if (atomic_load(&s->version) == version && !atomic_load(&s->partial))
		n = length > r->room - skip ? begin_part(r, skip) : take_whole(r, skip);
	tl_unlock(s, locked);
	return n;
}

/* Reads on in a frame of which the program has a part. */
static ssize_t take_part(struct reading *r)
{
	struct tl_sock *s = r->s;
	ssize_t n = AGAIN;
	bool locked = tl_lock(s);
	if (atomic_load(&s->partial)) {
		size_t left = s->front.length - s->taken;
		r->frame = s->front;
		r->whole = left <= r->room;
		struct iovec iov[r->pieces + 1];
		struct msghdr m = {.msg_iov = iov, .msg_iovlen = tl_slice(iov, r->iov, r->pieces, 0, left)};
		n = sys_recvmsg(r->fd, &m, MSG_PEEK | MSG_DONTWAIT);
		if (n >= 0 && r->whole && !(r->flags & MSG_PEEK)) {
			char rest;
			struct iovec one = {&rest, 1};
			m = (struct msghdr){.msg_iov = &one, .msg_iovlen = 1};
			sys_recvmsg(r->fd, &m, MSG_DONTWAIT);
			set_offset(r->fd, -1);
			atomic_store(&s->partial, false);
			took(s, &s->front);
		} else if (n >= 0 && !(r->flags & MSG_PEEK)) {
			s->taken += (uint32_t)n;
			atomic_fetch_add(&s->version, 1);
		} else if (n >= 0) {
			set_offset(r->fd, (int)(sizeof s->front + s->taken));
		} else {
			/* Another process took the frame. */
			set_offset(r->fd, -1);
			atomic_store(&s->partial, false);
			atomic_fetch_add(&s->version, 1);
			n = AGAIN;
		}
	}
	tl_unlock(s, locked);
	return n;
}

/* The end of the connection: 0, or FAILED with what ended it, once. */
static ssize_t at_end(struct tl_sock *s, int fd)
{
	if (atomic_load(&s->ended))
		return 0;
	int error = tl_take_error(s, fd);
	atomic_store(&s->ended, true);
	return error == 0 ? 0 : tl_fail(error);
}

/* The length of the front frame, waiting for one unless flags say MSG_DONTWAIT.
 * Nothing is read of it: a peek of no bytes leaves SO_PEEK_OFF where it is, which
 * belongs to the holder of the lock. */
static ssize_t look(int fd, int flags)
{
	struct msghdr m = {0};
	flags |= MSG_PEEK | MSG_TRUNC;
	return flags & MSG_DONTWAIT ? sys_recvmsg(fd, &m, flags) : REAL(recvmsg)(fd, &m, flags);
}

/* One attempt at the front frame in the descriptor's queue. */
static ssize_t attempt_queue(struct reading *r)
{
	struct tl_sock *s = r->s;
	uint32_t version = atomic_load(&s->version); /* before partial, which is set before it */
	if (atomic_load(&s->partial))
		return take_part(r);
	int64_t expect = atomic_load_explicit(&s->expect, memory_order_relaxed);
	if (expect >= 0 && (size_t)expect <= r->room) {
		ssize_t n = take(r, 0, 0, version);
		if (n != AGAIN)
			return n;
	}
	ssize_t n = look(r->fd, r->flags);
	if (n < 0)
		return FAILED;
	if (atomic_load(&s->version) != version)
		return AGAIN;
	if (n == 1)
		return BELL;
	if (n <= (ssize_t)sizeof r->frame)
		return END; /* TL_END, which stays, or an EOF */
	return take(r, 0, (size_t)n - sizeof r->frame, version);
}

/* Takes the first record of the lane. Returns TL_LANE_EMPTY if there is none. */
static ssize_t take_record(struct reading *r, struct tl_lane *l, size_t skip)
{
	struct tl_lane_read of = {.iov = r->iov, .pieces = r->pieces, .skip = skip, .room = r->room, .peek = r->flags & MSG_PEEK, .frame = &r->frame};
	ssize_t n = tl_lane_take(r->s, r->fd, l, &of);
	r->whole = of.whole;
	if (n >= 0 && r->frame.kind == TL_DATA && atomic_load_explicit(&r->s->type, memory_order_relaxed) != SOCK_STREAM)
		tl_peer_learn(r->s, &r->frame);
	return n;
}

/* One attempt at the lane. */
static ssize_t attempt_lane(struct reading *r, struct tl_lane *l)
{
	ssize_t n = take_record(r, l, 0);
	if (n != TL_LANE_EMPTY)
		return n;
	n = tl_lane_wait(l, r->fd, r->flags);
	if (n < 0)
		return FAILED;
	if (!tl_lane_is_empty(l))
		return AGAIN;
	if (n != 1)
		return END;
	if (atomic_load(&l->bell) == 0 || !tl_lane_expect(l))
		tl_lane_hush(r->s, r->fd, l); /* who should have done it is dead */
	return AGAIN;
}

/* From here on messages are in the lane. Returns AGAIN or FAILED. */
static ssize_t turn_to_lane(struct reading *r)
{
	int error = tl_lane_map(r->s, r->fd);
	if (error != 0)
		return tl_fail(error);
	struct tl_lane *l = tl_lane_enter(r->s);
	if (l == NULL)
		return AGAIN;
	atomic_store(&l->down_open, 1);
	if (r->hush)
		tl_lane_hushed(r->s, r->fd, l);
	r->hush = false;
	tl_lane_leave(r->s);
	return AGAIN;
}

/* One attempt at the next message. */
static ssize_t attempt(struct reading *r)
{
	struct tl_lane *l = tl_lane_enter(r->s);
	ssize_t n;
	if (l != NULL && atomic_load_explicit(&l->down_open, memory_order_acquire))
		n = attempt_lane(r, l);
	else
		n = attempt_queue(r);
	if (l != NULL)
		tl_lane_leave(r->s);
	return n == BELL ? turn_to_lane(r) : n;
}

/* Fetches one continuation from the lane, waiting a moment for it: the bell comes before
 * what it rings for, be it by as long as the server is kept from going on. */
static ssize_t continuation_in_lane(struct reading *r, struct tl_lane *l, size_t done)
{
	ssize_t n = TL_LANE_EMPTY;
	for (int i = 0; i < JOIN_TRIES && atomic_load(&l->down_open); i++) {
		n = take_record(r, l, done);
		if (n != TL_LANE_EMPTY || !(sys_poll(r->fd, POLLIN, TL_JOIN_WAIT) & POLLIN))
			break;
		tl_lane_expect(l);
	}
	return n;
}

/* Fetches one continuation into the buffer from byte done on, waiting a moment for it. */
static ssize_t continuation(struct reading *r, size_t done)
{
	struct tl_sock *s = r->s;
	uint32_t version = atomic_load(&s->version);
	struct tl_lane *l = tl_lane_enter(s);
	if (l != NULL) {
		ssize_t n = continuation_in_lane(r, l, done);
		bool open = atomic_load(&l->down_open);
		tl_lane_leave(s);
		if (open)
			return n;
	}
	if (!(sys_poll(r->fd, POLLIN, TL_JOIN_WAIT) & POLLIN))
		return AGAIN;
	ssize_t n = look(r->fd, MSG_DONTWAIT);
	if (atomic_load(&s->version) != version || atomic_load(&s->partial))
		return AGAIN; /* others read on: it is not ours to join any more */
	if (n > (ssize_t)sizeof r->frame)
		n = take(r, done, (size_t)n - sizeof r->frame, version);
	else
		n = n == 1 ? BELL : AGAIN;
	if (n == BELL)
		return turn_to_lane(r) == AGAIN ? continuation(r, done) : FAILED;
	return n;
}

/* Fetches the continuations of a message that took several frames, as far as
 * there is room and nobody else takes them. */
static size_t join(struct reading *r, size_t done)
{
	struct tl_frame first = r->frame;
	while (r->whole && (r->frame.flags & TL_F_MORE) && done < r->room && !(r->flags & MSG_PEEK)) {
		ssize_t n = continuation(r, done);
		if (n < 0)
			break;
		done += (size_t)n;
	}
	uint16_t end = r->frame.flags & (TL_F_EOR | TL_F_NEXT);
	first.flags = (uint16_t)((first.flags & ~(TL_F_EOR | TL_F_NEXT)) | end);
	if (end & TL_F_NEXT) {
		first.next_stream = r->frame.next_stream;
		first.next_flags = r->frame.next_flags;
		first.next_ppid = r->frame.next_ppid;
		first.next_length = r->frame.next_length;
		first.next_assoc_id = r->frame.next_assoc_id;
	}
	r->frame = first;
	return done;
}

/* The frame of the next message in the descriptor's queue. False if there is none, or others
 * are reading it. */
static bool next_in_queue(struct reading *r, struct tl_frame *next)
{
	struct iovec iov = {next, sizeof *next};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	bool locked = tl_lock(r->s);
	bool there = !atomic_load(&r->s->partial) && sys_recvmsg(r->fd, &m, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof *next;
	tl_unlock(r->s, locked);
	return there;
}

/* Finds the next message, for SCTP_NXTINFO, which the server could not announce
 * if it came later than this one went into the queue. */
static void look_ahead(struct reading *r)
{
	struct tl_frame next;
	unsigned wanted = atomic_load_explicit(&r->s->state, memory_order_relaxed) & TL_S_NXTINFO;
	if (r->frame.flags & TL_F_NXTINFO)
		wanted = TL_S_NXTINFO;
	if (!wanted || !r->whole || (r->flags & MSG_PEEK) || (r->frame.flags & TL_F_NEXT))
		return;
	struct tl_lane *l = tl_lane_enter(r->s);
	bool open = l != NULL && atomic_load(&l->down_open);
	bool there = open ? tl_lane_next(l, atomic_load(&r->s->lane_size), &next) : next_in_queue(r, &next);
	if (l != NULL)
		tl_lane_leave(r->s);
	if (!there || next.kind != TL_DATA || !(next.flags & TL_F_EOR))
		return;
	r->frame.flags |= TL_F_NEXT;
	r->frame.next_stream = next.stream;
	r->frame.next_flags = next.sinfo_flags;
	r->frame.next_ppid = next.ppid;
	r->frame.next_length = next.length;
	r->frame.next_assoc_id = next.assoc_id;
}

/* Whether messages are in the lane. */
static bool has_record(struct tl_sock *s)
{
	struct tl_lane *l = tl_lane_enter(s);
	bool has = l != NULL && !tl_lane_is_empty(l);
	if (l != NULL)
		tl_lane_leave(s);
	return has;
}

/* Whether a read would wait for nobody: there is no association, and none can
 * come by itself. Linux does not wait then. */
static bool lonely(struct tl_sock *s, int fd)
{
	enum { BUSY = TL_S_LISTENING | TL_S_CONNECTING | TL_S_CONNECTED | TL_S_REFUSING | TL_S_ENDED };
	if ((atomic_load_explicit(&s->state, memory_order_relaxed) & BUSY) || has_record(s)
			|| (sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK) || look(fd, MSG_DONTWAIT) >= 0 || tl_ask_plain(s, fd, TL_INFO, 0) != 0)
		return false;
	return !(atomic_load(&s->state) & (BUSY | TL_S_ASSOCIATED)) && look(fd, MSG_DONTWAIT) < 0 && !has_record(s);
}

ssize_t tl_recv(struct tl_sock *s, int fd, struct msghdr *m, int flags)
{
	ssize_t room = tl_total(m->msg_iov, m->msg_iovlen);
	if (m->msg_iovlen >= IOV_MAX)
		return tl_fail(EMSGSIZE);
	if (room < 0)
		return tl_fail(EINVAL);
	int error = tl_settle(s, fd, true);
	if (error == 0 && tl_learn(s, fd) == 0 && (atomic_load_explicit(&s->state, memory_order_relaxed) & TL_S_LISTENING)
			&& atomic_load_explicit(&s->type, memory_order_relaxed) == SOCK_STREAM)
		error = ENOTCONN;
	if (error == 0 && !(flags & MSG_DONTWAIT) && lonely(s, fd)) {
		error = tl_take_error(s, fd);
		if (error == 0)
			error = ENOTCONN;
	}
	if (error != 0)
		return tl_fail(error);
	struct reading r = {
		.s = s, .fd = fd, .iov = m->msg_iov, .pieces = m->msg_iovlen, .room = (size_t)room, .flags = flags & (MSG_PEEK | MSG_DONTWAIT),
	};
	ssize_t n;
	do
		n = attempt(&r);
	while (n == AGAIN);
	/* ECONNRESET: the server went with our frames unread. */
	if (n == END || (n == FAILED && errno == ECONNRESET)) {
		m->msg_namelen = 0;
		m->msg_controllen = 0;
		m->msg_flags = 0;
		return at_end(s, fd);
	}
	if (n == FAILED)
		return FAILED;
	size_t done = (size_t)n;
	if (r.frame.flags & TL_F_MORE)
		done = join(&r, done);
	look_ahead(&r);
	tl_describe(m, &r.frame, atomic_load(&s->state), r.whole);
	if (r.cut)
		m->msg_flags |= MSG_TRUNC;
	if (atomic_load_explicit(&s->lane, memory_order_relaxed) == NULL)
		tl_lane_count(s, fd, false);
	return (ssize_t)done;
}

ssize_t tl_recv_bytes(struct tl_sock *s, int fd, void *bytes, size_t n, int flags)
{
	struct iovec iov = {bytes, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	return tl_recv(s, fd, &m, flags);
}

int tl_pending(struct tl_sock *s, int fd, int *bytes)
{
	if (atomic_load(&s->state) & TL_S_LISTENING && atomic_load(&s->type) == SOCK_STREAM)
		return tl_fail(ENOTCONN);
	struct tl_lane *l = tl_lane_enter(s);
	bool open = l != NULL && atomic_load(&l->down_open);
	struct tl_frame f;
	if (open)
		*bytes = tl_lane_next(l, atomic_load(&s->lane_size), &f) ? (int)f.length : 0;
	if (l != NULL)
		tl_lane_leave(s);
	if (open)
		return 0;
	bool locked = tl_lock(s);
	int saved = errno;
	if (atomic_load(&s->partial)) {
		*bytes = (int)(s->front.length - s->taken);
	} else {
		ssize_t n = look(fd, MSG_DONTWAIT) - (ssize_t)sizeof(struct tl_frame);
		*bytes = n > 0 ? (int)n : 0;
	}
	errno = saved;
	tl_unlock(s, locked);
	return 0;
}
