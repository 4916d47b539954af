#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "lane.h"
#include "real.h"

enum {
	SHIFT = 17, /* of down_head: what is below counts payload */
	HEADER = sizeof(struct tl_frame),
	YIELDS = 20,   /* for what another thread is about to do */
	NAPS = 200,    /* of NAP, after that */
	NAP = 50000,   /* ns */
};

static uint64_t position(uint64_t head) { return (head >> SHIFT) * TL_LANE_UNIT; }

static uint64_t head_at(uint64_t position) { return position / TL_LANE_UNIT << SHIFT; }

bool tl_lane_is_empty(struct tl_lane *l)
{
	return position(atomic_load(&l->down_head)) == atomic_load(&l->down_tail);
}

static void copy_out(const struct tl_lane_read *r, const uint8_t *from, size_t n)
{
	size_t skip = r->skip;
	for (size_t i = 0; i < r->pieces && n > 0; i++) {
		size_t length = r->iov[i].iov_len;
		if (length <= skip) {
			skip -= length;
			continue;
		}
		length -= skip;
		if (length > n)
			length = n;
		memcpy((uint8_t *)r->iov[i].iov_base + skip, from, length);
		from += length;
		n -= length;
		skip = 0;
	}
}

/* The first record. Others may take it, and the server write over it, at any moment: what
 * was read counts if the head is still the same after. Its frame is in f. */
struct record {
	uint64_t head, tail, at;
	size_t taken;
	const uint8_t *bytes; /* NULL: there is none */
};

/* Finds the first record. Returns 0, or ECONNRESET if the memory makes no sense. */
static int first(struct tl_lane *l, uint32_t size, struct record *c, struct tl_frame *f)
{
	const uint8_t *ring = (uint8_t *)l + TL_LANE_HEADER + size;
	for (;;) {
		c->head = atomic_load(&l->down_head);
		c->tail = atomic_load_explicit(&l->down_tail, memory_order_acquire);
		c->at = position(c->head);
		c->taken = c->head & ((1 << SHIFT) - 1);
		c->bytes = NULL;
		if (c->at == c->tail)
			return 0;
		size_t offset = c->at & (size - 1);
		c->bytes = ring + offset;
		if (*(volatile const uint8_t *)c->bytes == TL_PAD) {
			uint64_t head = c->head;
			atomic_compare_exchange_strong(&l->down_head, &head, head_at(c->at + size - offset));
			continue;
		}
		memcpy(f, c->bytes, HEADER);
		if (f->length <= TL_PAYLOAD_MAX && c->taken <= f->length && offset + HEADER + f->length <= size && c->tail - c->at <= size)
			return 0;
		if (atomic_load(&l->down_head) == c->head)
			return ECONNRESET;
	}
}

bool tl_lane_expect(struct tl_lane *l)
{
	for (int i = 0; i < YIELDS + NAPS; i++) {
		if (!tl_lane_is_empty(l) || atomic_load(&l->bell) == 0)
			return true;
		struct timespec nap = {.tv_nsec = NAP};
		if (i < YIELDS)
			sched_yield();
		else
			syscall(SYS_nanosleep, &nap, NULL);
	}
	return false;
}

void tl_lane_hushed(struct tl_sock *s, int fd, struct tl_lane *l)
{
	atomic_store(&l->bell, 0);
	if (!tl_lane_is_empty(l))
		tl_lane_wake(s, fd); /* who rings */
}

void tl_lane_hush(struct tl_sock *s, int fd, struct tl_lane *l)
{
	struct tl_frame f;
	struct iovec iov = {&f, sizeof f};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int saved = errno;
	ssize_t n = sys_recvmsg(fd, &m, MSG_DONTWAIT);
	errno = saved;
	if (n == 1)
		tl_lane_hushed(s, fd, l);
	else if (n > 1) /* the end, behind a bell that another took: it is to be there again */
		tl_ask_plain(s, fd, TL_INFO, 0);
}

ssize_t tl_lane_take(struct tl_sock *s, int fd, struct tl_lane *l, struct tl_lane_read *r)
{
	uint32_t size = atomic_load_explicit(&s->lane_size, memory_order_relaxed);
	for (;;) {
		struct record c;
		int error = first(l, size, &c, r->frame);
		if (error != 0)
			return tl_fail(error);
		if (c.bytes == NULL)
			return TL_LANE_EMPTY;
		size_t n = r->frame->length - c.taken;
		if ((r->whole = n <= r->room - r->skip) == false)
			n = r->room - r->skip;
		copy_out(r, c.bytes + HEADER + c.taken, n);
		if (r->peek) {
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load(&l->down_head) == c.head)
				return (ssize_t)n;
			continue;
		}
		uint64_t next = c.head + n;
		uint64_t end = c.at + (HEADER + r->frame->length + TL_LANE_UNIT - 1) / TL_LANE_UNIT * TL_LANE_UNIT;
		if (r->whole)
			next = head_at(end);
		if (!atomic_compare_exchange_strong(&l->down_head, &c.head, next))
			continue;
		if (!r->whole)
			return (ssize_t)n;
		if (end == c.tail && tl_lane_is_empty(l))
			tl_lane_hush(s, fd, l);
		if (atomic_load(&l->down_full) && c.tail - end <= size / 2 && atomic_exchange(&l->down_full, 0))
			tl_lane_wake(s, fd);
		return (ssize_t)n;
	}
}

bool tl_lane_next(struct tl_lane *l, uint32_t size, struct tl_frame *f)
{
	struct record c;
	if (first(l, size, &c, f) != 0 || c.bytes == NULL)
		return false;
	f->length -= (uint32_t)c.taken;
	return true;
}

/* The length of what is in the queue; nothing of it is read. */
static ssize_t look(int fd, int flags)
{
	struct msghdr m = {0};
	flags |= MSG_PEEK | MSG_TRUNC;
	return flags & MSG_DONTWAIT ? sys_recvmsg(fd, &m, flags) : REAL(recvmsg)(fd, &m, flags);
}

/* Waits as one of several: poll wakes all, where a receive wakes one and the bell rings
 * once for many messages. */
static ssize_t wait_among(int fd)
{
	struct timeval patience = {0};
	socklen_t length = sizeof patience;
	sys_getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, &length);
	struct timespec t = {.tv_sec = patience.tv_sec, .tv_nsec = patience.tv_usec * 1000};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool for_ever = t.tv_sec == 0 && t.tv_nsec == 0;
	for (;;) {
		long n = syscall(SYS_ppoll, &p, 1, for_ever ? NULL : &t, NULL, 0);
		if (n == 0)
			return tl_fail(EAGAIN);
		if (n < 0)
			return -1;
		ssize_t front = look(fd, MSG_DONTWAIT);
		if (front >= 0 || errno != EAGAIN)
			return front;
	}
}

ssize_t tl_lane_wait(struct tl_lane *l, int fd, int flags)
{
	if (flags & MSG_DONTWAIT)
		return look(fd, flags);
	ssize_t n;
	if (atomic_fetch_add(&l->down_waiters, 1) == 0 || (sys_fcntl(fd, F_GETFL, 0) & O_NONBLOCK))
		n = look(fd, flags);
	else
		n = wait_among(fd);
	atomic_fetch_sub(&l->down_waiters, 1);
	return n;
}
