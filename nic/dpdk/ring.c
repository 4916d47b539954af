#include "shim.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

static struct rte_ring *make_ring(uint32_t size, int socket)
{
	static unsigned int serial;
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "tl_%u", __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	return rte_ring_create(name, size, socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* rings has room for two per queue: a to b first, then b to a. */
int tl_ring_pair(const char *a, const char *b, uint16_t nq, uint32_t size,
	int socket, void **rings, uint16_t ids[2], struct tl_error *e)
{
	struct rte_ring **ab = (struct rte_ring **)rings, **ba = ab + nq;
	int id;

	e->step = "rte_ring_create";
	for (int q = 0; q < nq; q++) {
		ab[q] = make_ring(size, socket);
		ba[q] = make_ring(size, socket);
		if (ab[q] == NULL || ba[q] == NULL) {
			e->err = rte_errno;
			return -1;
		}
	}
	e->step = "rte_eth_from_rings";
	id = rte_eth_from_rings(a, ba, nq, ab, nq, socket < 0 ? 0 : socket);
	if (id < 0) {
		e->err = rte_errno ? rte_errno : EINVAL;
		return -1;
	}
	ids[0] = (uint16_t)id;
	id = rte_eth_from_rings(b, ab, nq, ba, nq, socket < 0 ? 0 : socket);
	if (id < 0) {
		e->err = rte_errno ? rte_errno : EINVAL;
		return 1; /* the first port is there */
	}
	ids[1] = (uint16_t)id;
	return 0;
}

/* Has what one end sends wake a thread that sleeps at the other. */
void tl_ring_join(struct tl_port *a, struct tl_port *b)
{
	for (uint16_t q = 0; q < a->ntx; q++) {
		a->tx[q].far = &b->rx[q];
		b->tx[q].far = &a->rx[q];
	}
}

void tl_rings_delete(void **rings, uint16_t nq)
{
	for (int i = 0; i < 2 * nq; i++) {
		void *m;

		if (rings[i] == NULL)
			continue;
		while (rte_ring_dequeue(rings[i], &m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(rings[i]);
	}
}

/* A bare ring, for comparison with package ring. */
void *tl_spsc_new(uint32_t size)
{
	return make_ring(size, SOCKET_ID_ANY);
}

void tl_spsc_delete(void *r)
{
	rte_ring_free(r);
}

uint32_t tl_spsc_put(uintptr_t ring, uint64_t *v, uint32_t n)
{
	return rte_ring_sp_enqueue_burst((struct rte_ring *)ring, (void **)v, n, NULL);
}

uint32_t tl_spsc_take(uintptr_t ring, uint64_t *v, uint32_t n)
{
	return rte_ring_sc_dequeue_burst((struct rte_ring *)ring, (void **)v, n, NULL);
}
