#include <string.h>
#include <time.h>

#include "peer.h"

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void tl_peer_learn_locked(struct tl_sock *s, const struct tl_frame *f)
{
	if (f->assoc_id == 0 || f->outstreams == 0)
		return;
	struct tl_peer *p = &s->peers[(uint32_t)f->assoc_id % TL_PEERS];
	p->assoc_id = f->assoc_id;
	p->outstreams = f->outstreams;
	p->addr_length = f->addr_length;
	memcpy(p->addr, f->addr, sizeof p->addr);
	p->until = now() + TL_PEER_LIFE;
}

void tl_peer_learn(struct tl_sock *s, const struct tl_frame *f)
{
	bool locked = tl_lock(s);
	tl_peer_learn_locked(s, f);
	tl_unlock(s, locked);
}

void tl_peer_forget(struct tl_sock *s, int32_t assoc_id)
{
	bool locked = tl_lock(s);
	struct tl_peer *p = &s->peers[(uint32_t)assoc_id % TL_PEERS];
	if (p->assoc_id == assoc_id)
		p->assoc_id = 0;
	tl_unlock(s, locked);
}

static bool matches(const struct tl_peer *p, const struct tl_frame *f)
{
	if (p->assoc_id == 0)
		return false;
	if (!(f->flags & TL_F_NAMED))
		return p->assoc_id == f->assoc_id;
	return p->addr_length == f->addr_length && memcmp(p->addr, f->addr, f->addr_length) == 0;
}

bool tl_peer_find(struct tl_sock *s, struct tl_frame *f)
{
	bool found = false;
	bool locked = tl_lock(s);
	for (const struct tl_peer *p = s->peers; p < s->peers + TL_PEERS && !found; p++) {
		if (!matches(p, f) || f->stream >= p->outstreams || now() >= p->until)
			continue;
		f->assoc_id = p->assoc_id;
		found = true;
	}
	tl_unlock(s, locked);
	return found;
}
