//go:build cgo && !nousrsctp

#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <usrsctp.h>

enum { BURST = 32, SLOT = 2048, SERVER_PORT = 5000, FIRST_PORT = 10000, PORTS = 50000, WAIT_TURNS = 1000000, TURNS = 64 };

/* A packet on its way; those that are on none stand in a free list, the last used first. */
struct packet { struct packet *next; void *to; size_t len; uint8_t data[SLOT]; };
static struct packet *first_packet, **last_packet = &first_packet, *spare;

/* A socket; those with something to do stand in a list, each at most once. */
struct conn { struct socket *so; int side; int ready; int up; struct conn *next; };
static struct conn *first_ready, **last_ready = &first_ready;

static int ends[2]; /* only their addresses matter */
static struct conn listener;
static int mode, size, wave, mtu_bytes, longest, failed;
static uint64_t done, begun, packets;
static int connected, accepted;
static uint8_t *payload, *inbox;
enum { INBOX = 128 << 10 };
static uint64_t timers_at;

static uint64_t now_ms(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void fail(int e) { if (failed == 0) failed = e; }

static int output(void *addr, void *buf, size_t len, uint8_t tos, uint8_t df) {
	(void)tos; (void)df;
	if (len > SLOT) { fail(EMSGSIZE); return EMSGSIZE; }
	struct packet *p = spare;
	if (p != NULL) spare = p->next;
	else if ((p = malloc(sizeof *p)) == NULL) { fail(ENOMEM); return ENOMEM; }
	p->next = NULL;
	p->to = addr == &ends[0] ? &ends[1] : &ends[0];
	p->len = len;
	memcpy(p->data, buf, len);
	*last_packet = p; last_packet = &p->next;
	packets++;
	if ((int)len > longest) longest = (int)len;
	return 0;
}

static void drain(void) {
	for (int i = 0; i < BURST && first_packet != NULL; i++) {
		struct packet *p = first_packet;
		first_packet = p->next;
		if (first_packet == NULL) last_packet = &first_packet;
		usrsctp_conninput(p->to, p->data, p->len, 0);
		p->next = spare; spare = p;
	}
}

static void make_ready(struct conn *c) {
	if (c->ready) return;
	c->ready = 1; c->next = NULL;
	*last_ready = c; last_ready = &c->next;
}

static void upcall(struct socket *so, void *arg, int flags) {
	(void)so; (void)flags;
	make_ready(arg);
}

static struct sockaddr_conn address(int side, int port) {
	struct sockaddr_conn a;
	memset(&a, 0, sizeof a);
	a.sconn_family = AF_CONN;
	a.sconn_port = htons((uint16_t)port);
	a.sconn_addr = &ends[side];
	return a;
}

static int options(struct socket *so) {
	int on = 1;
	struct sctp_paddrparams p;
	memset(&p, 0, sizeof p);
	p.spp_flags = SPP_PMTUD_DISABLE;
	p.spp_pathmtu = (uint32_t)mtu_bytes;
	p.spp_address.ss_family = AF_CONN;
	if (usrsctp_set_non_blocking(so, 1) < 0) return -errno;
	if (usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) < 0) return -errno;
	if (usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &p, sizeof p) < 0) return -errno;
	return 0;
}

static int dial(void) {
	struct conn *c = calloc(1, sizeof *c);
	if (c == NULL) return -ENOMEM;
	c->so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (c->so == NULL) return -errno;
	int e = options(c->so);
	if (e != 0) return e;
	usrsctp_set_upcall(c->so, upcall, c);
	struct sockaddr_conn from = address(0, FIRST_PORT + (int)(begun++ % PORTS)), to = address(1, SERVER_PORT);
	from.sconn_addr = &ends[0];
	to.sconn_addr = &ends[0]; /* a peer is known by the address of our own end: see doc.go of the library */
	if (usrsctp_bind(c->so, (struct sockaddr *)&from, sizeof from) < 0) return -errno;
	if (usrsctp_connect(c->so, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return -errno;
	return 0;
}

static void take(void) {
	for (;;) {
		struct socket *so = usrsctp_accept(listener.so, NULL, NULL);
		if (so == NULL) return;
		struct conn *c = calloc(1, sizeof *c);
		if (c == NULL) { fail(ENOMEM); return; }
		c->so = so; c->side = 1; c->up = 1;
		int e = options(so);
		if (e != 0) fail(-e);
		usrsctp_set_upcall(so, upcall, c);
		accepted++;
		make_ready(c);
	}
}

static void hang_up(struct conn *c) {
	usrsctp_set_upcall(c->so, NULL, NULL);
	usrsctp_close(c->so);
	free(c);
}

static int push(struct conn *c) {
	return usrsctp_sendv(c->so, payload, (size_t)size, NULL, 0, NULL, 0, SCTP_SENDV_NOINFO, 0) >= 0;
}

/* Reads all there is; returns the messages that ended, or -1 at the peer's end. */
static int pull(struct conn *c) {
	int messages = 0;
	for (;;) {
		int flags = 0;
		unsigned int kind = 0;
		socklen_t from = 0, info = 0;
		ssize_t n = usrsctp_recvv(c->so, inbox, INBOX, NULL, &from, NULL, &info, &kind, &flags);
		if (n == 0) return messages > 0 ? messages : -1;
		if (n < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK) fail(errno);
			return messages;
		}
		if (flags & MSG_EOR) messages++;
	}
}

static void work_client(struct conn *c) {
	if (!c->up) {
		if (!(usrsctp_get_events(c->so) & SCTP_EVENT_WRITE)) return;
		c->up = 1; connected++;
		if (mode == UB_SETUP) { hang_up(c); return; }
		if (mode == UB_TRANSACT) { if (!push(c)) fail(errno); return; }
	}
	if (mode == UB_STREAM) {
		while (push(c)) { }
		if (errno != EAGAIN && errno != EWOULDBLOCK) fail(errno);
		return;
	}
	for (int n = pull(c); n > 0; n--) {
		done++;
		if (!push(c)) fail(errno);
	}
}

static void work_server(struct conn *c) {
	int n = pull(c);
	if (mode == UB_STREAM) { if (n > 0) done += (uint64_t)n; return; }
	if (mode == UB_SETUP) { if (n < 0) { done++; hang_up(c); } return; }
	for (; n > 0; n--) if (!push(c)) fail(errno);
}

static void turn(void) {
	while (mode == UB_SETUP && begun - done < (uint64_t)wave) {
		int e = dial();
		if (e != 0) { fail(-e); break; }
	}
	struct conn *c = first_ready;
	first_ready = NULL; last_ready = &first_ready;
	while (c != NULL) {
		struct conn *next = c->next;
		c->ready = 0;
		if (c == &listener) take();
		else if (c->side == 0) work_client(c);
		else work_server(c);
		c = next;
	}
	drain();
	uint64_t t = now_ms();
	if (t - timers_at >= 10) {
		usrsctp_handle_timers((uint32_t)(t - timers_at));
		timers_at = t;
	}
}

uint64_t ub_step(void) {
	for (int i = 0; i < TURNS; i++) turn();
	return done;
}

int ub_init(int crc, int buffer, int mtu) {
	payload = calloc(1, INBOX);
	inbox = malloc(INBOX);
	if (payload == NULL || inbox == NULL) return -ENOMEM;
	mtu_bytes = mtu;
	usrsctp_tunable_set_sctp_hashtblsize(16384);
	usrsctp_init_nothreads(0, output, NULL);
	if (!crc) usrsctp_enable_crc32c_offload();
	usrsctp_sysctl_set_sctp_sendspace((uint32_t)buffer);
	usrsctp_sysctl_set_sctp_recvspace((uint32_t)buffer);
	usrsctp_register_address(&ends[0]);
	usrsctp_register_address(&ends[1]);
	timers_at = now_ms();
	return 0;
}

int ub_begin(int m, int n, int bytes, int w) {
	mode = m; size = bytes; wave = w;
	listener.so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (listener.so == NULL) return -errno;
	listener.side = 1;
	int e = options(listener.so);
	if (e != 0) return e;
	usrsctp_set_upcall(listener.so, upcall, &listener);
	struct sockaddr_conn a = address(1, SERVER_PORT);
	if (usrsctp_bind(listener.so, (struct sockaddr *)&a, sizeof a) < 0) return -errno;
	if (usrsctp_listen(listener.so, 4096) < 0) return -errno;
	if (mode == UB_SETUP) return 0;
	for (int i = 0; i < n; i++) {
		if ((e = dial()) != 0) return e;
		turn();
	}
	for (int i = 0; (connected < n || accepted < n) && i < WAIT_TURNS; i++) turn();
	return connected == n && accepted == n ? 0 : -ETIMEDOUT;
}

uint64_t ub_packets(void) { return packets; }

uint64_t ub_resent(void) {
	struct sctpstat s;
	usrsctp_get_stat(&s);
	return s.sctps_sendretransdata;
}

uint64_t ub_checksum_errors(void) {
	struct sctpstat s;
	usrsctp_get_stat(&s);
	return s.sctps_checksumerrors;
}

int ub_longest(void) { return longest; }
int ub_failed(void) { return failed; }
