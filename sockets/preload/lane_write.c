#include <sched.h>
#include <string.h>

#include "lane.h"
#include "real.h"

enum {
	TRIES = 64,       /* for the lock, until the message goes over the descriptor */
	WIDE = 1 << 20,   /* SO_SNDBUF that the server gives */
	HEADER = sizeof(struct tl_frame),
};

/* Takes the ring; false: somebody else writes, or died while it did. */
static bool take(struct tl_lane *l)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_weak_explicit(&l->up_lock, &nobody, 1, memory_order_acquire, memory_order_relaxed))
			return true;
		if (i % 8 == 7)
			sched_yield();
	}
	return false;
}

static void give(struct tl_lane *l) { atomic_store_explicit(&l->up_lock, 0, memory_order_release); }

/* Whether messages may go through the ring: all that went over the descriptor has been
 * dealt with. */
static bool in_order(struct tl_lane *l)
{
	return atomic_load(&l->up_open) && !atomic_load_explicit(&l->up_shut, memory_order_relaxed)
		&& atomic_load(&l->up_sent) == atomic_load(&l->up_taken);
}

static uint64_t aligned(uint64_t n) { return (n + TL_LANE_UNIT - 1) / TL_LANE_UNIT * TL_LANE_UNIT; }

/* Room for a record of n bytes behind tail, or NULL. *next is where the tail is after it. */
static uint8_t *room_for(struct tl_lane *l, uint32_t size, uint64_t n, uint64_t *next)
{
	uint8_t *ring = (uint8_t *)l + TL_LANE_HEADER;
	uint64_t tail = atomic_load_explicit(&l->up_tail, memory_order_relaxed);
	uint64_t at = tail & (size - 1), rest = size - at, skip = aligned(n) > rest ? rest : 0;
	*next = tail + skip + aligned(n);
	uint64_t seen = atomic_load_explicit(&l->up_seen, memory_order_relaxed);
	if (*next - seen > size) {
		seen = atomic_load(&l->up_head);
		atomic_store_explicit(&l->up_seen, seen, memory_order_relaxed);
		if (*next - seen > size)
			return NULL;
	}
	if (skip == 0)
		return ring + at;
	ring[at] = TL_PAD;
	return ring;
}

/* Puts a frame into the ring. False: it is full. Under the lock. */
static bool put(struct tl_lane *l, uint32_t size, const struct tl_frame *f, const struct iovec *iov, size_t pieces)
{
	uint64_t next;
	uint8_t *to = room_for(l, size, HEADER + (uint64_t)f->length, &next);
	if (to == NULL)
		return false;
	memcpy(to, f, HEADER);
	to += HEADER;
	for (size_t i = 0; i < pieces; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	atomic_store(&l->up_tail, next);
	return true;
}

/* Shrinks the descriptor's send buffer, so that a few pads fill it. */
static void narrow(int fd)
{
	int least = 1, saved = errno;
	sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
	errno = saved;
}

void tl_lane_widen(int fd)
{
	int room = WIDE, saved = errno;
	if (sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
		sys_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	errno = saved;
}

/* The ring is full: writes pads, which the server leaves there until half of it is free,
 * so that the wait, its end and poll are the descriptor's. Returns 0 or an errno. */
static int wait_for_room(int fd, int flags)
{
	uint8_t byte = TL_PAD;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	return REAL(sendmsg)(fd, &m, flags | MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* Wakes the server if it sleeps. Returns 0, or the errno that says that it is gone. */
static int wake(struct tl_lane *l, int fd)
{
	if (!atomic_load(&l->up_sleeping) || !atomic_exchange(&l->up_sleeping, 0))
		return 0;
	int error = tl_lane_pad(fd, MSG_DONTWAIT);
	return error == EAGAIN ? 0 : error; /* there are pads to be read */
}

static int write_in(struct tl_lane *l, uint32_t size, int fd, const struct tl_frame *f, const struct iovec *iov, size_t pieces, int flags)
{
	for (bool waited = false;; waited = true) {
		if (!in_order(l) || !take(l))
			return TL_BESIDE;
		bool ordered = in_order(l), done = ordered && put(l, size, f, iov, pieces);
		give(l);
		if (!ordered)
			return TL_BESIDE;
		if (done)
			return wake(l, fd);
		if (!waited) {
			narrow(fd);
			atomic_store(&l->up_full, 1);
			continue; /* the server may have been quicker */
		}
		atomic_store(&l->up_full, 1);
		int error = wait_for_room(fd, flags);
		if (error != 0)
			return error;
	}
}

int tl_lane_write(struct tl_sock *s, int fd, const struct tl_frame *f, const struct iovec *iov, size_t pieces, int flags)
{
	struct tl_lane *l = tl_lane_enter(s);
	if (l == NULL)
		return TL_BESIDE;
	int error = write_in(l, atomic_load_explicit(&s->lane_size, memory_order_relaxed), fd, f, iov, pieces, flags);
	tl_lane_leave(s);
	return error;
}
