#include "shim.h"

#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#include "ref.h"

struct tl_pool *tl_pools[TL_POOLS];
int tl_ref_offset;

static void number_mbuf(struct rte_mempool *mp, void *opaque, void *obj, unsigned int i)
{
	struct tl_pool *pool = opaque;
	struct rte_mbuf *m = obj;

	(void)mp;
	pool->mbufs[i] = m;
	pool->rooms[i] = m->buf_addr;
	tl_set_ref(m, pool->number << TL_INDEX_BITS | i);
}

/* A cache keeps up to one and a half times its size of packets out of every
 * other thread's reach, so it is a small part of the pool. */
static unsigned int cache_size(uint32_t count)
{
	unsigned int n = count / 32;

	return n > 256 ? 256 : n < 8 ? 0 : n;
}

/* The free packets of a pool are a stack if they may be: the one that was freed last, and is in
 * some core's cache still, is the next to be filled. DPDK's default, a queue, goes
 * round all packets and finds each of them cold. A platform with pools in hardware
 * keeps those; a process without the plugin gets the default. */
static struct rte_mempool *make_pool(const char *name, uint32_t count, uint32_t room,
	int socket, int stack)
{
	struct rte_mempool *mp = NULL;

	if (stack && strcmp(rte_mbuf_best_mempool_ops(), RTE_MBUF_DEFAULT_MEMPOOL_OPS) == 0)
		mp = rte_pktmbuf_pool_create_by_ops(name, count, cache_size(count), 0, room,
			socket, "lf_stack");
	if (mp == NULL)
		mp = rte_pktmbuf_pool_create(name, count, cache_size(count), 0, room, socket);
	return mp;
}

struct tl_pool *tl_pool_new(const char *name, uint32_t number, uint32_t count,
	uint32_t room, int socket, int stack, struct tl_error *e)
{
	struct tl_pool *pool = calloc(1, sizeof(*pool));

	e->step = "malloc";
	e->err = ENOMEM;
	if (pool == NULL)
		return NULL;
	pool->number = number;
	pool->count = count;
	pool->room = room;
	pool->mbufs = calloc(count, sizeof(void *));
	pool->rooms = calloc(count, sizeof(void *));
	if (pool->mbufs == NULL || pool->rooms == NULL)
		goto fail;
	e->step = "rte_pktmbuf_pool_create";
	pool->mp = make_pool(name, count, room, socket, stack);
	if (pool->mp == NULL && socket != SOCKET_ID_ANY)
		pool->mp = make_pool(name, count, room, SOCKET_ID_ANY, stack);
	if (pool->mp == NULL) {
		e->err = rte_errno;
		goto fail;
	}
	rte_mempool_obj_iter(pool->mp, number_mbuf, pool);
	tl_pools[number] = pool;
	return pool;
fail:
	free(pool->mbufs);
	free(pool->rooms);
	free(pool);
	return NULL;
}

uint32_t tl_pool_out(uintptr_t handle)
{
	return rte_mempool_in_use_count(((struct tl_pool *)handle)->mp);
}

void tl_pool_delete(struct tl_pool *pool)
{
	tl_pools[pool->number] = NULL;
	rte_mempool_free(pool->mp);
	free(pool->mbufs);
	free(pool->rooms);
	free(pool);
}

uint32_t tl_alloc(uintptr_t handle, uint32_t *refs, uint32_t n)
{
	struct tl_pool *pool = (struct tl_pool *)handle;
	struct rte_mbuf *m[TL_BURST];
	uint32_t got = 0;

	if (n > TL_BURST)
		n = TL_BURST;
	if (likely(rte_pktmbuf_alloc_bulk(pool->mp, m, n) == 0)) {
		got = n;
	} else {
		/* all or nothing failed: take what there is */
		while (got < n && (m[got] = rte_pktmbuf_alloc(pool->mp)) != NULL)
			got++;
	}
	for (uint32_t i = 0; i < got; i++)
		refs[i] = (uint32_t)tl_get_ref(m[i]);
	return got;
}

void tl_free(uint32_t *refs, uint32_t n)
{
	struct rte_mbuf *m[TL_BURST];

	for (uint32_t i = 0; i < n; i++)
		m[i] = tl_mbuf(refs[i]);
	rte_pktmbuf_free_bulk(m, n);
}
