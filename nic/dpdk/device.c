/* Devices: found, configured, closed and removed again. */
#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_version.h>

#define SCTP_RSS (RTE_ETH_RSS_NONFRAG_IPV4_SCTP | RTE_ETH_RSS_NONFRAG_IPV6_SCTP)

static const char *device_name(const struct rte_device *d)
{
#if RTE_VERSION >= RTE_VERSION_NUM(22, 11, 0, 0)
	return rte_dev_name(d);
#else
	return d->name;
#endif
}

/* DPDK lets one thread at a time find and remove devices. */
static pthread_mutex_t bus = PTHREAD_MUTEX_INITIALIZER;

static int fail(struct tl_error *e, const char *step, int rc)
{
	e->step = step;
	e->err = rc < 0 ? -rc : rc;
	return -1;
}

/* The ports of the device called name, whose probing devargs ask for; a
 * device that is there already keeps its ports. */
int tl_probe(const char *devargs, const char *name, uint16_t *ids, int max,
	struct tl_error *e)
{
	struct rte_eth_dev_info info;
	uint16_t id;
	int n = 0, rc;

	tl_new_packet_group();
	pthread_mutex_lock(&bus);
	rc = rte_dev_probe(devargs);
	pthread_mutex_unlock(&bus);
	if (rc != 0)
		return fail(e, "rte_dev_probe", rc);
	RTE_ETH_FOREACH_DEV(id) {
		if (n == max || rte_eth_dev_info_get(id, &info) != 0 || info.device == NULL)
			continue;
		if (strcmp(device_name(info.device), name) == 0)
			ids[n++] = id;
	}
	if (n == 0)
		return fail(e, "rte_dev_probe: no port came of it", ENODEV);
	return n;
}

struct tl_port *tl_port_new(uint16_t id)
{
	struct tl_port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->id = id;
	p->admin = 1;
	p->gate = TL_GATE_STOPPED;
	pthread_mutex_init(&p->mu, NULL);
	return p;
}

static uint32_t negotiate(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info)
{
	uint32_t caps = 0;

	conf->rxmode.offloads = info->rx_offload_capa &
		(RTE_ETH_RX_OFFLOAD_SCTP_CKSUM | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM);
	conf->txmode.offloads = info->tx_offload_capa &
		(RTE_ETH_TX_OFFLOAD_SCTP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
	if (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCTP_CKSUM)
		caps |= TL_CAP_RX_SCTP;
	if (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM)
		caps |= TL_CAP_RX_IP;
	if (conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM)
		caps |= TL_CAP_TX_SCTP;
	if (conf->txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		caps |= TL_CAP_TX_IP;
	if (info->dev_flags != NULL && (*info->dev_flags & RTE_ETH_DEV_INTR_LSC)) {
		conf->intr_conf.lsc = 1;
		caps |= TL_CAP_LSC;
	}
	return caps;
}

static void spread(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info, uint32_t *caps)
{
	uint64_t hf = info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | SCTP_RSS);

	if (hf == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf.rss_hf = hf;
	if (hf & SCTP_RSS)
		*caps |= TL_CAP_RSS_SCTP;
}

/* What the device is asked for, besides queues; the capabilities that come of it. */
static uint32_t plan(const struct tl_port *p, struct rte_eth_conf *conf,
	const struct rte_eth_dev_info *info)
{
	uint32_t caps = negotiate(conf, info);

	if (p->nrx > 1)
		spread(conf, info, &caps);
	return caps;
}

static int queues(struct tl_port *p)
{
	struct tl_queue *q = aligned_alloc(128, sizeof(*q) * (p->nrx + p->ntx));

	if (q == NULL)
		return -1;
	memset(q, 0, sizeof(*q) * (p->nrx + p->ntx));
	for (int i = 0; i < p->nrx + p->ntx; i++) {
		q[i].port = p;
		q[i].port_id = p->id;
		q[i].queue = i < p->nrx ? i : i - p->nrx;
	}
	p->rx = q;
	p->tx = q + p->nrx;
	return 0;
}

static void ask_mac(struct tl_port *p)
{
	struct rte_ether_addr mac;

	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
}

/* What the device is before it is configured. */
int tl_port_describe(struct tl_port *p, uint16_t *min_mtu, uint16_t *max_mtu, struct tl_error *e)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc != 0)
		return fail(e, "rte_eth_dev_info_get", rc);
	*min_mtu = info.min_mtu;
	*max_mtu = info.max_mtu;
	if (rte_eth_dev_get_mtu(p->id, &p->mtu) != 0 || p->mtu == 0)
		p->mtu = RTE_ETHER_MTU;
	ask_mac(p);
	p->socket = rte_eth_dev_socket_id(p->id);
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name ? info.driver_name : "");
	snprintf(p->device, sizeof(p->device), "%s", info.device ? device_name(info.device) : "");
	return 0;
}

static int set_up_queues(const struct tl_port *p, uint16_t id, const struct tl_conf *c,
	struct tl_error *e)
{
	uint16_t rxd = c->rx_desc, txd = c->tx_desc;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rxd, &txd);

	if (rc != 0)
		return fail(e, "rte_eth_dev_adjust_nb_rx_tx_desc", rc);
	for (uint16_t i = 0; i < p->nrx; i++) {
		rc = rte_eth_rx_queue_setup(id, i, rxd, p->socket, NULL, p->pool->mp);
		if (rc != 0)
			return fail(e, "rte_eth_rx_queue_setup", rc);
	}
	for (uint16_t i = 0; i < p->ntx; i++) {
		rc = rte_eth_tx_queue_setup(id, i, txd, p->socket, NULL);
		if (rc != 0)
			return fail(e, "rte_eth_tx_queue_setup", rc);
	}
	return 0;
}

/* Configures device id, which is stopped, as the port's. */
static int set_up(const struct tl_port *p, uint16_t id, const struct tl_conf *c,
	struct rte_eth_conf *conf, struct tl_error *e)
{
	int rc = rte_eth_dev_configure(id, p->nrx, p->ntx, conf);

	if (rc != 0)
		return fail(e, "rte_eth_dev_configure", rc);
	if (conf->rxmode.mtu != 0) {
		rc = rte_eth_dev_set_mtu(id, c->mtu);
		if (rc != 0 && rc != -ENOTSUP)
			return fail(e, "rte_eth_dev_set_mtu", rc);
	}
	return set_up_queues(p, id, c, e);
}

/* The same without interrupts of rx queues, for a device that refused them:
 * PMDs find only when they start that there are too few vectors. */
static int set_up_polled(struct tl_port *p, const struct tl_conf *c, struct rte_eth_conf *conf,
	struct tl_error *e)
{
	memset(e, 0, sizeof(*e));
	conf->intr_conf.rxq = 0;
	return set_up(p, p->id, c, conf, e);
}

/* Configures and starts the port; p->pool is set. On failure the caller closes. */
int tl_port_open(struct tl_port *p, const struct tl_conf *c, struct tl_error *e)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc != 0)
		return fail(e, "rte_eth_dev_info_get", rc);
	p->nrx = c->nrx;
	p->ntx = c->ntx;
	p->carrier_pushed = c->carrier_pushed;
	p->kick = c->kick;
	p->reap = c->reap;
	p->serial = c->serial;
	if (c->listens != NULL)
		snprintf(p->listens, sizeof(p->listens), "%s", c->listens);
	if (queues(p) != 0)
		return fail(e, "aligned_alloc", ENOMEM);
	p->caps = plan(p, &conf, &info);
	if (c->mtu != 0 && c->mtu != p->mtu && !c->fixed_mtu)
		conf.rxmode.mtu = c->mtu;
	conf.intr_conf.rxq = c->interrupts;
	if (set_up(p, p->id, c, &conf, e) != 0 && (!conf.intr_conf.rxq || set_up_polled(p, c, &conf, e) != 0))
		return -1;
	if (c->mtu != 0)
		p->mtu = c->mtu;
	p->max_frame = p->mtu + RTE_ETHER_HDR_LEN + 4;
	if (p->serial == TL_SERIAL)
		tl_serial_add(p);
	rc = tl_link_watch(p);
	if (rc != 0)
		return fail(e, "rte_eth_dev_callback_register", rc);
	rc = tl_dev_start(p);
	if (rc != 0 && conf.intr_conf.rxq && !c->may_wait) {
		if (set_up_polled(p, c, &conf, e) != 0)
			return -1;
		rc = tl_dev_start(p);
	}
	p->interrupts = conf.intr_conf.rxq;
	if (rc != 0 && !c->may_wait)
		return fail(e, "rte_eth_dev_start", rc);
	p->started = rc == 0;
	if (c->promiscuous)
		rte_eth_promiscuous_enable(p->id);
	rte_eth_stats_reset(p->id);
	tl_link_first(p);
	if (p->started)
		tl_ungate(p, TL_GATE_STOPPED);
	return 0;
}

/* Configures and starts another device of the same driver, to move an open port to:
 * the port goes on as it is. On failure the caller unplugs the device. */
int tl_spare_open(const struct tl_port *p, uint16_t id, const struct tl_conf *c,
	struct tl_error *e)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return fail(e, "rte_eth_dev_info_get", rc);
	plan(p, &conf, &info);
	if (set_up(p, id, c, &conf, e) != 0)
		return -1;
	rc = rte_eth_dev_start(id);
	if (rc != 0)
		return fail(e, "rte_eth_dev_start", rc);
	if (c->promiscuous)
		rte_eth_promiscuous_enable(id);
	return 0;
}

/* Puts the port on a device that tl_spare_open has started, with the pollers kept out.
 * The device that it was on is the caller's to unplug: it is returned. */
uint16_t tl_port_move(struct tl_port *p, uint16_t id)
{
	uint16_t old = p->id;

	tl_quiesce(p, TL_GATE_STOPPED);
	p->id = id;
	for (int i = 0; i < p->nrx + p->ntx; i++)
		p->rx[i].port_id = id; /* the tx queues follow the rx queues */
	ask_mac(p);
	tl_ungate(p, TL_GATE_STOPPED);
	return old;
}

/* af_xdp forgets at its end what is in the completion ring; a burst of
 * nothing has it look there. */
static void reap(struct tl_port *p)
{
	struct rte_mbuf *none[1];

	for (uint16_t q = 0; q < p->ntx; q++)
		rte_eth_tx_burst(p->id, q, none, 0);
}

/* Removes a device whose port is closed, unless it has others. */
static void detach(struct rte_device *d, struct tl_error *e)
{
	uint16_t other;
	int rc;

	if (d == NULL)
		return;
	RTE_ETH_FOREACH_DEV_OF(other, d)
		return;
	pthread_mutex_lock(&bus);
	rc = rte_dev_remove(d);
	pthread_mutex_unlock(&bus);
	if (rc != 0 && rc != -ENOENT)
		fail(e, "rte_dev_remove", rc);
}

/* The DPDK device of a port, NULL if it cannot be told. */
static struct rte_device *device_of(uint16_t id)
{
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(id, &info) != 0)
		return NULL;
	return (struct rte_device *)(uintptr_t)info.device;
}

/* Stops, closes and removes a device that no port of ours is on. af_packet closes its
 * sockets when it stops and only then, so one that was never started is. */
int tl_unplug(uint16_t id, struct tl_error *e)
{
	struct rte_device *d = device_of(id);
	struct rte_eth_conf conf = { 0 };
	int rc;

	if (rte_eth_dev_configure(id, 1, 1, &conf) == 0) /* it does not run */
		rte_eth_dev_start(id);
	rc = rte_eth_dev_stop(id);
	if (rc != 0 && rc != -ENOTSUP)
		fail(e, "rte_eth_dev_stop", rc);
	rc = rte_eth_dev_close(id);
	if (rc != 0)
		fail(e, "rte_eth_dev_close", rc);
	detach(d, e);
	return e->err ? -1 : 0;
}

/* Stops, closes and removes the device, unless it has other ports. p stays
 * valid, gated for ever. */
int tl_port_close(struct tl_port *p, struct tl_error *e)
{
	struct rte_device *d;
	int rc, started = tl_link_leave(p);

	tl_quiesce(p, TL_GATE_STOPPED);
	if (p->reap && started)
		reap(p);
	tl_link_unwatch(p);
	d = device_of(p->id);
	if (started) {
		rc = tl_dev_stop(p);
		if (rc != 0 && rc != -ENOTSUP)
			fail(e, "rte_eth_dev_stop", rc);
	}
	rc = tl_dev_close(p);
	if (rc != 0)
		fail(e, "rte_eth_dev_close", rc);
	if (p->serial == TL_SERIAL)
		tl_serial_remove(p);
	detach(d, e);
	return e->err ? -1 : 0;
}

void tl_port_delete(struct tl_port *p)
{
	tl_wake_delete(p);
	free(p->rx);
	pthread_mutex_destroy(&p->mu);
	free(p);
}

void tl_port_stats(struct tl_port *p, struct tl_stats *s)
{
	struct rte_eth_stats st = { 0 };

	if (rte_eth_stats_get(p->id, &st) != 0)
		return;
	s->imissed = st.imissed;
	s->ierrors = st.ierrors;
	s->oerrors = st.oerrors;
	s->rx_nombuf = st.rx_nombuf;
}

int tl_port_xstats(struct tl_port *p, struct tl_xstat *out, int max)
{
	int n = rte_eth_xstats_get(p->id, NULL, 0);

	if (n <= 0 || max < n)
		return n;
	struct rte_eth_xstat *v = calloc(n, sizeof(*v));
	struct rte_eth_xstat_name *names = calloc(n, sizeof(*names));

	if (v == NULL || names == NULL || rte_eth_xstats_get_names(p->id, names, n) != n ||
		rte_eth_xstats_get(p->id, v, n) != n)
		n = 0;
	for (int i = 0; i < n; i++) {
		snprintf(out[i].name, sizeof(out[i].name), "%s", names[v[i].id].name);
		out[i].value = v[i].value;
	}
	free(v);
	free(names);
	return n;
}
