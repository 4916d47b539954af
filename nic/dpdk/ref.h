/* References: how an mbuf and its Go packet find each other. */
#ifndef TL_REF_H
#define TL_REF_H

#include "shim.h"

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

/* Marks a reference as ours: an mbuf of somebody else's pool has none. */
#define TL_REF_MAGIC 0x54524b4cULL

static inline void tl_set_ref(struct rte_mbuf *m, uint32_t ref)
{
	*RTE_MBUF_DYNFIELD(m, tl_ref_offset, uint64_t *) = TL_REF_MAGIC << 32 | ref;
}

static inline uint64_t tl_get_ref(struct rte_mbuf *m)
{
	return *RTE_MBUF_DYNFIELD(m, tl_ref_offset, uint64_t *);
}

static inline struct rte_mbuf *tl_mbuf(uint32_t ref)
{
	return tl_pools[ref >> TL_INDEX_BITS]->mbufs[ref & ((1u << TL_INDEX_BITS) - 1)];
}

#endif
