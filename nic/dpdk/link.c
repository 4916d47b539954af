/* Link state, and the gate that keeps pollers out of a stopped port. */
#include "shim.h"

#include <errno.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

/* Publishes what mu guards. A port whose carrier is pushed to us, or whose
 * peer is ours, is gated by it: its PMD would go on. */
static void publish(struct tl_port *p)
{
	uint64_t old = __atomic_load_n(&p->link, __ATOMIC_RELAXED);
	uint32_t changes = (uint32_t)old >> 1;
	int up = p->phys && p->admin && !p->peer_down;
	int lost = (p->carrier_pushed && !p->phys) || p->peer_down;

	if (up != (int)(old & 1))
		changes++;
	if (lost)
		__atomic_fetch_or(&p->gate, TL_GATE_CARRIER, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&p->gate, ~TL_GATE_CARRIER, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->link, (uint64_t)p->speed << 32 | (uint32_t)(changes << 1) | up,
		__ATOMIC_RELEASE);
	if (up != (int)(old & 1))
		tl_wake_all(p);
}

/* When an interface goes down, the kernel leaves an error on af_packet's
 * socket, which the next burst would get: its frames would then wait for the
 * burst after it. So the error is fetched with a frame of one byte, which the
 * kernel throws away. */
static void kick(struct tl_port *p)
{
	struct rte_mbuf *m;

	tl_quiesce(p, TL_GATE_CARRIER);
	for (uint16_t q = 0; q < p->ntx; q++) {
		m = rte_pktmbuf_alloc(p->pool->mp);
		if (m == NULL)
			return;
		m->data_len = m->pkt_len = 1;
		if (rte_eth_tx_burst(p->id, q, &m, 1) == 0)
			rte_pktmbuf_free(m);
	}
}

/* Under mu. */
static void set_carrier(struct tl_port *p, int up, uint32_t speed)
{
	if (p->kick && p->started && up && (p->gate & TL_GATE_CARRIER))
		kick(p);
	p->phys = up != 0;
	p->speed = speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : speed;
	publish(p);
}

void tl_link_carrier(struct tl_port *p, int up, uint32_t speed)
{
	pthread_mutex_lock(&p->mu);
	set_carrier(p, up, speed);
	pthread_mutex_unlock(&p->mu);
}

void tl_link_peer(struct tl_port *p, int down)
{
	pthread_mutex_lock(&p->mu);
	p->peer_down = down != 0;
	publish(p);
	pthread_mutex_unlock(&p->mu);
}

/* Under mu, so that of two threads that look, the later one is not overtaken by
 * the earlier one's answer. */
static void look(struct tl_port *p)
{
	struct rte_eth_link l = { 0 };
	int up = rte_eth_link_get_nowait(p->id, &l) == 0 && l.link_status == RTE_ETH_LINK_UP;

	if (up == p->phys)
		return;
	set_carrier(p, up, l.link_speed);
	__atomic_store_n(&p->unprimed, up, __ATOMIC_RELEASE);
}

static void poll_device(struct tl_port *p)
{
	pthread_mutex_lock(&p->mu);
	look(p);
	pthread_mutex_unlock(&p->mu);
}

/* The state at opening, which is not a change. */
void tl_link_first(struct tl_port *p)
{
	if (!p->carrier_pushed)
		poll_device(p);
	__atomic_fetch_and(&p->link, ~((uint64_t)UINT32_MAX - 1), __ATOMIC_RELAXED);
}

/* Asks the device, unless its changes are told to us, or another thread is asking.
 * One that interrupts is asked too: the tap PMD learns of changes by interrupt and
 * passes none on. */
void tl_link_poll(uintptr_t handle)
{
	struct tl_port *p = (struct tl_port *)handle;

	if (p->carrier_pushed || pthread_mutex_trylock(&p->mu) != 0)
		return;
	if (p->started)
		look(p);
	pthread_mutex_unlock(&p->mu);
}

/* From here on nobody asks the device, which goes. Whether it was started. */
int tl_link_leave(struct tl_port *p)
{
	pthread_mutex_lock(&p->mu);
	int started = p->started;
	p->started = 0;
	pthread_mutex_unlock(&p->mu);
	return started;
}

static int on_lsc(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	(void)id;
	(void)type;
	(void)ret;
	poll_device(arg);
	return 0;
}

int tl_link_watch(struct tl_port *p)
{
	if (p->carrier_pushed || !(p->caps & TL_CAP_LSC))
		return 0;
	return rte_eth_dev_callback_register(p->id, RTE_ETH_EVENT_INTR_LSC, on_lsc, p);
}

void tl_link_unwatch(struct tl_port *p)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	if (p->carrier_pushed || !(p->caps & TL_CAP_LSC))
		return;
	for (int i = 0; i < 1000; i++) {
		if (rte_eth_dev_callback_unregister(p->id, RTE_ETH_EVENT_INTR_LSC, on_lsc, p) !=
			-EAGAIN)
			return;
		nanosleep(&ms, NULL);
	}
}

/* Returns when every thread that was inside has left. */
void tl_wait_outside(struct tl_port *p)
{
	struct timespec us = { .tv_nsec = 1000 };

	for (int i = 0; i < p->nrx + p->ntx; i++) {
		/* the tx queues follow the rx queues */
		uint32_t *visits = &p->rx[i].visits;
		uint32_t seen = __atomic_load_n(visits, __ATOMIC_SEQ_CST);

		while ((seen & 1) && __atomic_load_n(visits, __ATOMIC_SEQ_CST) == seen)
			nanosleep(&us, NULL);
	}
}

/* Closes the gate and waits until no poller is inside. */
void tl_quiesce(struct tl_port *p, uint32_t gate)
{
	__atomic_fetch_or(&p->gate, gate, __ATOMIC_SEQ_CST);
	if (p->rx != NULL)
		tl_wait_outside(p);
}

void tl_ungate(struct tl_port *p, uint32_t gate)
{
	__atomic_fetch_and(&p->gate, ~gate, __ATOMIC_SEQ_CST);
}

static void set_admin(struct tl_port *p, int up)
{
	pthread_mutex_lock(&p->mu);
	p->admin = up != 0;
	publish(p);
	pthread_mutex_unlock(&p->mu);
}

/* Not every PMD can take its link down; stopping the device is next best,
 * and the peer sees it with memif. */
static int device_link(struct tl_port *p, int up)
{
	int rc = up ? rte_eth_dev_set_link_up(p->id) : rte_eth_dev_set_link_down(p->id);

	if (rc != -ENOTSUP)
		return rc;
	if (p->started == up)
		return 0;
	rc = up ? tl_dev_start(p) : tl_dev_stop(p);
	if (rc == 0)
		__atomic_store_n(&p->started, up, __ATOMIC_RELEASE);
	return rc;
}

/* touch 0 leaves the device alone: its interface is driven elsewhere. */
int tl_link_admin(struct tl_port *p, int up, int touch)
{
	int rc = 0;

	if (!up) {
		tl_quiesce(p, TL_GATE_ADMIN);
		set_admin(p, 0);
	}
	if (touch)
		rc = device_link(p, up);
	if (rc != 0)
		return rc;
	if (up) {
		if (!p->carrier_pushed)
			poll_device(p);
		set_admin(p, 1);
		tl_ungate(p, TL_GATE_ADMIN);
	}
	return 0;
}

/* A memif client lends its buffers to the server when it polls, and none
 * before. This polls for no packets at all, so that the first frames have
 * somewhere to go. */
void tl_link_prime(struct tl_port *p)
{
	struct rte_mbuf *none[1];

	if (!__atomic_exchange_n(&p->unprimed, 0, __ATOMIC_ACQUIRE))
		return;
	tl_quiesce(p, TL_GATE_STOPPED);
	for (uint16_t q = 0; q < p->nrx; q++)
		rte_eth_rx_burst(p->id, q, none, 0);
	tl_ungate(p, TL_GATE_STOPPED);
}

/* Stops and starts the device with the pollers kept out. A port that did not
 * start stays closed to them. */
int tl_link_restart(struct tl_port *p)
{
	int rc = 0;

	tl_quiesce(p, TL_GATE_STOPPED);
	if (p->started)
		rc = tl_dev_stop(p);
	if (rc == 0)
		rc = tl_dev_start(p);
	__atomic_store_n(&p->started, rc == 0, __ATOMIC_RELEASE);
	if (rc != 0) {
		tl_link_carrier(p, 0, 0);
		return rc;
	}
	poll_device(p);
	tl_ungate(p, TL_GATE_STOPPED);
	return 0;
}
