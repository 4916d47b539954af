/* The hot path: one call from Go per burst. */
#include "shim.h"

#include <errno.h>

#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "ref.h"

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static __thread int thread_seen;

static void thread_exit(void *arg)
{
	(void)arg;
	rte_thread_unregister();
}

static void thread_key_make(void)
{
	pthread_key_create(&thread_key, thread_exit);
}

/* Gives the calling thread a core number, and with it a cache in every pool,
 * until it exits. Without one (there are RTE_MAX_LCORE) it is only slower. */
void tl_thread_register(void)
{
	thread_seen = 1;
	if (rte_lcore_id() != LCORE_ID_ANY)
		return;
	pthread_once(&thread_once, thread_key_make);
	if (rte_thread_register() == 0)
		pthread_setspecific(thread_key, &thread_key);
}

static inline void add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* enter is 0 if the gate is closed. The store and the load must not change
 * places: tl_quiesce closes the gate and then waits for visits to be even. */
static inline int enter(struct tl_queue *q)
{
	if (unlikely(!thread_seen))
		tl_thread_register();
	__atomic_store_n(&q->visits, q->visits + 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->port->gate, __ATOMIC_SEQ_CST) == 0;
}

static inline void leave(struct tl_queue *q)
{
	__atomic_store_n(&q->visits, q->visits + 1, __ATOMIC_RELEASE);
}

static inline uint16_t rx_flags(uint64_t ol, uint32_t caps)
{
	uint16_t f = 0;

	if (caps & TL_CAP_RX_SCTP) {
		uint64_t v = ol & RTE_MBUF_F_RX_L4_CKSUM_MASK;

		if (v == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
			f |= TL_RX_SCTP_GOOD;
		else if (v == RTE_MBUF_F_RX_L4_CKSUM_BAD)
			f |= TL_RX_SCTP_BAD;
	}
	if (caps & TL_CAP_RX_IP) {
		uint64_t v = ol & RTE_MBUF_F_RX_IP_CKSUM_MASK;

		if (v == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
			f |= TL_RX_IP_GOOD;
		else if (v == RTE_MBUF_F_RX_IP_CKSUM_BAD)
			f |= TL_RX_IP_BAD;
	}
	return f;
}

/* Receives into q->desc. Frames of several segments that do not fit into
 * one, and mbufs of unknown pools, are dropped and counted in errors. */
uint32_t tl_rx(uintptr_t handle, uint32_t max)
{
	struct tl_queue *q = (struct tl_queue *)handle;
	struct rte_mbuf *m[TL_BURST];
	uint32_t caps = q->port->caps, out = 0;
	uint64_t bytes = 0;

	if (unlikely(!enter(q))) {
		leave(q);
		return 0;
	}
	uint16_t n = rte_eth_rx_burst(q->port_id, q->queue, m, (uint16_t)max);

	for (uint16_t i = 0; i < n; i++) {
		struct tl_desc *d = &q->desc[out];
		uint64_t ref = tl_get_ref(m[i]);

		if (i + 1 < n)
			rte_prefetch0((char *)m[i + 1] + 64);
		if (unlikely(ref >> 32 != TL_REF_MAGIC) ||
			(unlikely(m[i]->nb_segs != 1) && rte_pktmbuf_linearize(m[i]) != 0)) {
			rte_pktmbuf_free(m[i]);
			add(&q->errors, 1);
			continue;
		}
		d->ref = (uint32_t)ref;
		d->off = m[i]->data_off;
		d->len = m[i]->data_len;
		d->flags = caps ? rx_flags(m[i]->ol_flags, caps) : 0;
		bytes += d->len;
		out++;
	}
	if (out > 0) {
		add(&q->packets, out);
		add(&q->bytes, bytes);
	}
	leave(q);
	return out;
}

static inline void prepare(struct rte_mbuf *m, const struct tl_desc *d, uint32_t caps)
{
	uint64_t ol = 0;

	m->data_off = d->off;
	m->data_len = (uint16_t)d->len;
	m->pkt_len = d->len;
	if (unlikely(d->flags & (TL_TX_SCTP | TL_TX_IP)) && caps) {
		if ((d->flags & TL_TX_SCTP) && (caps & TL_CAP_TX_SCTP))
			ol |= RTE_MBUF_F_TX_SCTP_CKSUM;
		if ((d->flags & TL_TX_IP) && (caps & TL_CAP_TX_IP))
			ol |= RTE_MBUF_F_TX_IP_CKSUM;
		if (ol && (d->flags & TL_TX_IPV4))
			ol |= RTE_MBUF_F_TX_IPV4;
		if (ol && (d->flags & TL_TX_IPV6))
			ol |= RTE_MBUF_F_TX_IPV6;
		m->tx_offload = 0;
		m->l2_len = d->l2;
		m->l3_len = d->l3;
	}
	m->ol_flags = ol;
}

/* Frees desc[from:to], or only those marked for it, and counts them. A
 * reference of TL_NO_REF has no mbuf: no copy could be made. */
static void discard(struct tl_queue *q, uint32_t from, uint32_t to, uint16_t mark)
{
	uint32_t dropped = 0;

	for (uint32_t i = from; i < to; i++) {
		const struct tl_desc *d = &q->desc[i];

		if (mark && !(d->flags & mark))
			continue;
		if (d->ref != TL_NO_REF)
			rte_pktmbuf_free(tl_mbuf(d->ref));
		dropped++;
	}
	add(&q->errors, dropped);
}

/* Whether what the device did not take will not be taken later either. */
static int tx_is_down(struct tl_queue *q)
{
	tl_link_poll((uintptr_t)q->port);
	return (__atomic_load_n(&q->port->link, __ATOMIC_RELAXED) & 1) == 0;
}

/* Wakes the thread that sleeps at the other end of a ring. The frames must be
 * there before armed is read: the sleeper does it the other way round. */
static inline void ring_bell(struct tl_queue *q)
{
	if (q->far == NULL)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&q->far->armed, __ATOMIC_RELAXED)))
		tl_wake(q->far);
}

/* Sends desc[:n] and returns how many were taken, from the front. */
uint32_t tl_tx(uintptr_t handle, uint32_t n)
{
	struct tl_queue *q = (struct tl_queue *)handle;
	struct rte_mbuf *m[TL_BURST];
	uint32_t caps = q->port->caps, taken = n;
	uint16_t good = 0, sent = 0;
	uint64_t bytes = 0;

	if (unlikely(!enter(q))) {
		discard(q, 0, n, 0);
		leave(q);
		return n;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct tl_desc *d = &q->desc[i];

		if (unlikely(d->flags & TL_TX_DROP))
			continue;
		m[good] = tl_mbuf(d->ref);
		prepare(m[good], d, caps);
		q->map[good++] = (uint8_t)i;
	}
	if (good > 0)
		sent = rte_eth_tx_burst(q->port_id, q->queue, m, good);
	for (uint16_t i = 0; i < sent; i++)
		bytes += q->desc[q->map[i]].len;
	if (unlikely(sent < good))
		taken = q->map[sent];
	if (unlikely(good < n))
		discard(q, 0, taken, TL_TX_DROP);
	if (unlikely(taken < n) && tx_is_down(q)) {
		discard(q, taken, n, 0);
		taken = n;
	}
	if (sent > 0) {
		add(&q->packets, sent);
		add(&q->bytes, bytes);
		ring_bell(q);
	}
	leave(q);
	return taken;
}

/* Has the PMD tell of frames, or no more. A closed gate will open with a change
 * of the link, which rings the bell. */
int tl_wake_arm(uintptr_t handle, int on)
{
	struct tl_queue *q = (struct tl_queue *)handle;
	int rc = 0;

	__atomic_store_n(&q->armed, on, __ATOMIC_SEQ_CST);
	if (!q->port->interrupts)
		return 0;
	if (enter(q))
		rc = on ? rte_eth_dev_rx_intr_enable(q->port_id, q->queue) :
			rte_eth_dev_rx_intr_disable(q->port_id, q->queue);
	leave(q);
	return rc == -ENOTSUP ? 0 : rc; /* its descriptor needs no arming */
}
