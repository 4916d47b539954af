#include <stdlib.h>
#include <sys/mman.h>

#include "lane.h"

enum { MOST_PATIENT = 1 << 20 }; /* messages between two questions */

/* Messages on a socket before it asks for a lane; 0: it never does. */
static uint32_t usual = TL_LANE_USUAL;

void tl_init_lanes(const char *setting)
{
	if (setting != NULL)
		usual = (uint32_t)strtoul(setting, NULL, 10);
}

static size_t mapped(uint32_t size) { return TL_LANE_HEADER + 2 * (size_t)size; }

static void unmap(struct tl_lane *l, uint32_t size)
{
	int saved = errno;
	munmap(l, mapped(size));
	errno = saved;
}

struct tl_lane *tl_lane_enter(struct tl_sock *s)
{
	if (atomic_load_explicit(&s->lane, memory_order_relaxed) == NULL)
		return NULL;
	atomic_fetch_add(&s->lane_users, 1);
	struct tl_lane *l = atomic_load(&s->lane);
	if (l == NULL)
		tl_lane_leave(s);
	return l;
}

/* What was left by the last descriptor goes with the last who uses it. */
static void bury(struct tl_sock *s)
{
	struct tl_lane *dead = atomic_exchange(&s->lane_left, NULL);
	if (dead != NULL)
		unmap(dead, atomic_load(&s->lane_size));
}

void tl_lane_leave(struct tl_sock *s)
{
	if (atomic_fetch_sub(&s->lane_users, 1) == 1 && atomic_load_explicit(&s->lane_left, memory_order_relaxed) != NULL)
		bury(s);
}

void tl_lane_drop(struct tl_sock *s)
{
	struct tl_lane *l = atomic_exchange(&s->lane, NULL);
	if (l == NULL)
		return;
	struct tl_lane *older = atomic_exchange(&s->lane_left, l);
	(void)older; /* somebody waits there on a descriptor that was closed long ago: it stays */
	if (atomic_load(&s->lane_users) == 0)
		bury(s);
}

int tl_lane_map(struct tl_sock *s, int fd)
{
	if (atomic_load(&s->lane) != NULL)
		return 0;
	struct tl_call call = {.request = {.op = TL_MAP}};
	int error = tl_ask(s, fd, &call);
	if (error != 0)
		return error;
	if (call.received < 0)
		return ENOBUFS;
	uint32_t size = (uint32_t)call.reply.value;
	int saved = errno;
	void *p = MAP_FAILED;
	if (size >= 4 * TL_PAYLOAD_MAX && (size & (size - 1)) == 0)
		p = mmap(NULL, mapped(size), PROT_READ | PROT_WRITE, MAP_SHARED, call.received, 0);
	errno = saved;
	sys_close(call.received);
	if (p == MAP_FAILED)
		return ENOMEM;
	struct tl_lane *none = NULL;
	atomic_store(&s->lane_size, size); /* the same for all of a server's */
	if (atomic_load(&s->id) != call.request.id || !atomic_compare_exchange_strong(&s->lane, &none, p))
		unmap(p, size);
	return 0;
}

void tl_lane_count(struct tl_sock *s, int fd, bool sent)
{
	uint32_t patience = atomic_load_explicit(&s->patience, memory_order_relaxed);
	if (patience == 0)
		atomic_store_explicit(&s->patience, patience = usual, memory_order_relaxed);
	if (usual == 0 || atomic_fetch_add_explicit(&s->messages, 1, memory_order_relaxed) + 1 < patience)
		return;
	atomic_store(&s->messages, 0);
	struct tl_lane *l = tl_lane_enter(s);
	if (l == NULL) {
		if (tl_lane_map(s, fd) != 0 && patience < MOST_PATIENT)
			atomic_store(&s->patience, patience * 2);
		if ((l = tl_lane_enter(s)) == NULL)
			return;
	}
	/* What others are writing to the descriptor without counting it must come first. */
	if (sent && atomic_load(&l->up_open) == 0 && atomic_load(&s->writing) == 0)
		tl_ask_plain(s, fd, TL_MAP, 1);
	tl_lane_leave(s);
}

int tl_lane_pad(int fd, int flags)
{
	uint8_t byte = TL_PAD;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	int saved = errno;
	int error = sys_sendmsg(fd, &m, flags | MSG_NOSIGNAL) < 0 ? errno : 0;
	errno = saved;
	return error;
}

void tl_lane_wake(struct tl_sock *s, int fd)
{
	/* Not where the queue is full of pads, or the peer takes no more messages. */
	if (tl_lane_pad(fd, MSG_DONTWAIT) != 0)
		tl_ask_plain(s, fd, TL_INFO, 0);
}
