/* The C side of package dpdk: everything that touches a DPDK structure. Go sees
 * only the structures declared here, so that DPDK's own layouts may change
 * from release to release; doc.go says which were tried. */
#ifndef TL_SHIM_H
#define TL_SHIM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define TL_BURST 64       /* nic.MaxBurst */
#define TL_POOLS 256      /* pools in a process: 8 bits of a reference */
#define TL_INDEX_BITS 24  /* packets in a pool: the other bits of a reference */
#define TL_NO_REF UINT32_MAX
#define TL_MAX_QUEUES 32  /* queues of a port in each direction */
#define TL_TEXT 160       /* bytes of a text given back to Go */
#define TL_MAX_XSTATS 1024

/* tl_desc.flags; the first eight are nic.Flags bit for bit. */
#define TL_RX_SCTP_GOOD 0x0001
#define TL_RX_SCTP_BAD 0x0002
#define TL_RX_IP_GOOD 0x0004
#define TL_RX_IP_BAD 0x0008
#define TL_TX_SCTP 0x0010
#define TL_TX_IP 0x0020
#define TL_TX_IPV4 0x0040
#define TL_TX_IPV6 0x0080
#define TL_TX_DROP 0x8000 /* take the packet and drop it: too long, no copy */

/* tl_port.gate: why bursts do nothing. Any bit closes it. */
#define TL_GATE_ADMIN 1   /* administratively down */
#define TL_GATE_CARRIER 2 /* no carrier, on ports whose carrier is pushed */
#define TL_GATE_STOPPED 4 /* being reconfigured, or closed */

/* tl_port.serial: what is done in the interrupt thread */
#define TL_SERIAL 1      /* start, stop and close: memif */
#define TL_SERIAL_STOP 2 /* stop: virtio-user */

/* tl_port.caps */
#define TL_CAP_RX_SCTP 1
#define TL_CAP_TX_SCTP 2
#define TL_CAP_RX_IP 4
#define TL_CAP_TX_IP 8
#define TL_CAP_RSS_SCTP 16
#define TL_CAP_LSC 32

/* One packet of a burst, in either direction. */
struct tl_desc {
	uint32_t ref; /* pool << TL_INDEX_BITS | index */
	uint16_t off;
	uint16_t flags;
	uint32_t len;
	uint8_t l2, l3;
	uint16_t unused;
};

struct tl_port;

/* One direction of one queue: a single thread at a time, except that visits
 * is watched and the counters are read by others. */
struct tl_queue {
	uint32_t visits; /* odd while a thread is inside */
	uint16_t port_id;
	uint16_t queue;
	struct tl_port *port;
	uint64_t packets, bytes;
	uint64_t errors; /* dropped by us; see tl_rx and tl_tx */
	struct tl_queue *far; /* of a tx queue of a ring: where it leads to */
	uint64_t padding[2];
	struct tl_desc desc[TL_BURST];
	uint8_t map[TL_BURST];
	/* of an rx queue, see wake.c; a ring's sender reads it at every burst */
	uint32_t armed __attribute__((aligned(128)));
	int32_t bell; /* an eventfd, 0 is none */
} __attribute__((aligned(128)));

struct tl_port {
	/* link is what Go reads: speed << 32 | changes << 1 | up */
	uint64_t link;
	uint32_t gate;
	uint32_t caps;
	uint32_t max_frame; /* bytes of the longest frame it sends */
	uint16_t id;
	uint16_t nrx, ntx;
	uint8_t carrier_pushed; /* tl_link_carrier tells, the PMD does not know */
	uint8_t kick;           /* see kick in link.c */
	uint8_t reap;           /* see reap in device.c */
	uint8_t serial;         /* TL_SERIAL…: see serial.c */
	uint8_t started;
	uint8_t unprimed; /* came up and has not polled since: see tl_link_prime */
	uint8_t interrupts; /* its rx queues were asked to have them */
	/* under mu: what link is made of */
	pthread_mutex_t mu;
	uint8_t phys, admin, peer_down;
	uint32_t speed;
	struct tl_pool *pool;
	struct tl_queue *rx, *tx;
	/* filled by tl_port_open */
	uint8_t mac[6];
	uint16_t mtu;
	int32_t socket;
	char driver[TL_TEXT];
	char device[TL_TEXT];
	char listens[TL_TEXT]; /* the socket path of a memif server */
};

struct tl_pool {
	void *mp;       /* struct rte_mempool */
	void **mbufs;   /* by index */
	void **rooms;   /* buf_addr by index */
	uint32_t count; /* mbufs */
	uint32_t number;
	uint32_t room; /* bytes of every room */
};

/* What a port is asked to be; 0 is the default of the device. */
struct tl_conf {
	uint16_t nrx, ntx, rx_desc, tx_desc, mtu;
	uint32_t buffers;
	uint8_t promiscuous;
	uint8_t carrier_pushed;
	uint8_t kick, reap, serial;
	uint8_t may_wait; /* it may fail to start: tl_link_restart tries again */
	const char *listens;
	uint8_t fixed_mtu; /* the device's MTU is not ours to set */
	uint8_t interrupts; /* of rx queues, if the device can */
};

/* Where something failed: step names the DPDK call, err is a positive errno. */
struct tl_error {
	const char *step;
	int err;
};

struct tl_xstat {
	char name[64];
	uint64_t value;
};

struct tl_stats {
	uint64_t imissed, ierrors, oerrors, rx_nombuf;
};

/* eal.c */
int tl_init(int argc, char **argv, struct tl_error *e);
const char *tl_version(void);
const char *tl_strerror(int err);
const char *tl_plugin_path(void);
void tl_log_capture(int echo);
int tl_log_tail(char *buf, int size);
void tl_log_clear(void);

/* pool.c */
struct tl_pool *tl_pool_new(const char *name, uint32_t number, uint32_t count,
	uint32_t room, int socket, int stack, struct tl_error *e);
uint32_t tl_pool_out(uintptr_t pool);
void tl_pool_delete(struct tl_pool *pool);
uint32_t tl_alloc(uintptr_t pool, uint32_t *refs, uint32_t n);
void tl_free(uint32_t *refs, uint32_t n);

/* device.c */
int tl_probe(const char *devargs, const char *name, uint16_t *ids, int max,
	struct tl_error *e);
struct tl_port *tl_port_new(uint16_t id);
int tl_port_describe(struct tl_port *p, uint16_t *min_mtu, uint16_t *max_mtu,
	struct tl_error *e);
int tl_port_open(struct tl_port *p, const struct tl_conf *c, struct tl_error *e);
int tl_spare_open(const struct tl_port *p, uint16_t id, const struct tl_conf *c,
	struct tl_error *e);
uint16_t tl_port_move(struct tl_port *p, uint16_t id);
int tl_port_close(struct tl_port *p, struct tl_error *e);
int tl_unplug(uint16_t id, struct tl_error *e);
void tl_port_delete(struct tl_port *p);
void tl_port_stats(struct tl_port *p, struct tl_stats *s);
int tl_port_xstats(struct tl_port *p, struct tl_xstat *out, int max);

/* ring.c */
int tl_ring_pair(const char *a, const char *b, uint16_t nq, uint32_t size,
	int socket, void **rings, uint16_t ids[2], struct tl_error *e);
void tl_rings_delete(void **rings, uint16_t nq);
void tl_ring_join(struct tl_port *a, struct tl_port *b);
void *tl_spsc_new(uint32_t size);
void tl_spsc_delete(void *r);
uint32_t tl_spsc_put(uintptr_t ring, uint64_t *v, uint32_t n);
uint32_t tl_spsc_take(uintptr_t ring, uint64_t *v, uint32_t n);

/* burst.c */
uint32_t tl_rx(uintptr_t queue, uint32_t max);
uint32_t tl_tx(uintptr_t queue, uint32_t n);
void tl_thread_register(void);
extern struct tl_pool *tl_pools[TL_POOLS];
extern int tl_ref_offset;

/* wake.c */
int tl_wake_bell(uintptr_t queue);
int tl_wake_fd(uintptr_t queue);
int tl_wake_arm(uintptr_t queue, int on);
void tl_wake(struct tl_queue *rx);
void tl_wake_all(struct tl_port *p);
void tl_wake_delete(struct tl_port *p);

/* serial.c */
int tl_dev_start(struct tl_port *p);
int tl_dev_stop(struct tl_port *p);
int tl_dev_close(struct tl_port *p);

/* libc.c */
void tl_hold_descriptors(void);
void tl_release_descriptors(void);
void tl_serial_add(struct tl_port *p);
void tl_serial_remove(struct tl_port *p);

/* fanout.c */
void tl_new_packet_group(void);

/* link.c */
void tl_wait_outside(struct tl_port *p);
void tl_quiesce(struct tl_port *p, uint32_t gate);
void tl_ungate(struct tl_port *p, uint32_t gate);
void tl_link_carrier(struct tl_port *p, int up, uint32_t speed);
void tl_link_peer(struct tl_port *p, int down);
int tl_link_admin(struct tl_port *p, int up, int touch);
int tl_link_restart(struct tl_port *p);
void tl_link_prime(struct tl_port *p);
void tl_link_poll(uintptr_t port);
int tl_link_leave(struct tl_port *p);
int tl_link_watch(struct tl_port *p);
void tl_link_first(struct tl_port *p);
void tl_link_unwatch(struct tl_port *p);

#endif
