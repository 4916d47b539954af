/* Streams of verified messages, in threads of their own. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sctpsh.h"

#define STREAMS 4

struct pump {
	int fd;
	long size;
	volatile int stop;
	uint32_t sent, back;
	pthread_t sender, receiver;
	char failure[256];
};

static struct pump pump;

static void fill(uint8_t *b, long size, uint32_t serial)
{
	for (long i = 0; i < size; i++)
		b[i] = (uint8_t)(serial * 31 + (uint32_t)i * 7);
	memcpy(b, &serial, sizeof serial);
}

/* Sends numbered messages, at most 1024 of them under way. */
static void *send_all(void *arg)
{
	struct pump *p = arg;
	uint8_t *b = malloc((size_t)p->size);
	struct timespec nap = {.tv_nsec = 200000};

	while (!p->stop) {
		if (p->sent - __atomic_load_n(&p->back, __ATOMIC_ACQUIRE) > 1024) {
			nanosleep(&nap, NULL);
			continue;
		}
		fill(b, p->size, p->sent);
		if (sctp_sendmsg(p->fd, b, (size_t)p->size, NULL, 0, htonl(7), 0, (uint16_t)(p->sent % STREAMS), 0, 0) != p->size) {
			snprintf(p->failure, sizeof p->failure, "send of message %u: %s", p->sent, errno_name(errno));
			break;
		}
		__atomic_fetch_add(&p->sent, 1, __ATOMIC_RELEASE);
	}
	free(b);
	return NULL;
}

/* Takes the echoes: of each stream the next must be four after the last. */
static void *receive_all(void *arg)
{
	struct pump *p = arg;
	uint8_t *b = malloc((size_t)p->size + 1), *want = malloc((size_t)p->size);
	uint32_t next[STREAMS];

	for (uint32_t i = 0; i < STREAMS; i++)
		next[i] = i;
	while (!p->failure[0] && !(p->stop && p->back == __atomic_load_n(&p->sent, __ATOMIC_ACQUIRE))) {
		struct pollfd readable = {.fd = p->fd, .events = POLLIN};
		struct sctp_sndrcvinfo info = {0};
		int flags = 0, n;

		if (poll(&readable, 1, 20) == 0)
			continue;
		n = sctp_recvmsg(p->fd, b, (size_t)p->size + 1, NULL, NULL, &info, &flags);
		if (n > 0 && flags & MSG_NOTIFICATION)
			continue;
		if (n != p->size || info.sinfo_stream >= STREAMS) {
			snprintf(p->failure, sizeof p->failure, "recv after %u messages: %d bytes, %s", p->back, n, n < 0 ? errno_name(errno) : "");
			break;
		}
		fill(want, p->size, next[info.sinfo_stream]);
		if (memcmp(b, want, (size_t)p->size)) {
			snprintf(p->failure, sizeof p->failure, "stream %u: message %u is wrong, lost, doubled or out of order", info.sinfo_stream, next[info.sinfo_stream]);
			break;
		}
		next[info.sinfo_stream] += STREAMS;
		__atomic_fetch_add(&p->back, 1, __ATOMIC_RELEASE);
	}
	free(b);
	free(want);
	return NULL;
}

/* Asks for each message's stream, besides what was asked for before. */
static int want_particulars(int fd)
{
	struct sctp_event_subscribe e = {0};
	socklen_t n = sizeof e;

	if (getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &e, &n) < 0)
		return -1;
	e.sctp_data_io_event = 1;
	return setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &e, sizeof e);
}

static int do_pump(struct words *w)
{
	int on = 1;

	pump = (struct pump){.fd = (int)number(w->argv[1]), .size = number(w->argv[2])};
	if (pump.size < 8 || pump.size > MAX_MESSAGE)
		return errno = EINVAL, -1;
	if (want_particulars(pump.fd) < 0)
		return -1;
	(void)setsockopt(pump.fd, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
	pthread_create(&pump.sender, NULL, send_all, &pump);
	pthread_create(&pump.receiver, NULL, receive_all, &pump);
	return 0;
}

/* pumped: how many came back so far. */
static int do_pumped(struct words *w)
{
	(void)w;
	ok("%u %s", __atomic_load_n(&pump.back, __ATOMIC_ACQUIRE), pump.failure);
	return 0;
}

/* stop: ends the pump, waits for what is under way, tells the count. */
static int do_stop(struct words *w)
{
	(void)w;
	pump.stop = 1;
	pthread_join(pump.sender, NULL);
	pthread_join(pump.receiver, NULL);
	ok("%u %s", pump.back, pump.failure);
	if (pump.failure[0])
		return errno = EIO, -1;
	return 0;
}

static void *echo_all(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t *b = malloc(MAX_MESSAGE);

	for (;;) {
		union address from = {0};
		socklen_t length = sizeof from;
		struct sctp_sndrcvinfo info = {0};
		int flags = 0, n = sctp_recvmsg(fd, b, MAX_MESSAGE, &from.any, &length, &info, &flags);

		if (n > 0 && flags & MSG_NOTIFICATION)
			continue;
		if (n <= 0) {
			note("echo %d ended: %s", fd, n ? errno_name(errno) : "eof");
			break;
		}
		if (sctp_send(fd, b, (size_t)n, &info, 0) != n) {
			note("echo %d cannot send: %s", fd, errno_name(errno));
			break;
		}
	}
	free(b);
	return NULL;
}

static int do_echo(struct words *w)
{
	pthread_t t;

	if (want_particulars((int)number(w->argv[1])) < 0)
		return -1;
	if (pthread_create(&t, NULL, echo_all, (void *)(intptr_t)number(w->argv[1])))
		return errno = EAGAIN, -1;
	return pthread_detach(t);
}

const struct verb traffic_verbs[] = {
	{"pump", 2, do_pump, "FD SIZE"},
	{"pumped", 0, do_pumped, ""},
	{"stop", 0, do_stop, ""},
	{"echo", 1, do_echo, "FD"},
	{0},
};
