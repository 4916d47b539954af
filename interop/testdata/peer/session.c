#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static sem_t go; /* posted by go_on */
static struct socket *current; /* of the association that runs */

__attribute__((constructor)) static void init(void)
{
	sem_init(&go, 0, 0);
}

struct socket *current_session(void)
{
	return current;
}

void go_on(void)
{
	sem_post(&go);
}

struct session {
	struct socket *so;
	uint64_t rx_messages, rx_bytes, tx_messages, tx_bytes, told;
	uint64_t expected;          /* messages that are to come, 0 for any number */
	uint64_t next[MAX_STREAMS]; /* index of the next message on each stream */
	uint8_t *message;
	size_t length; /* of message so far */
};

static void send_message(struct session *s, const uint8_t *p, size_t n, uint16_t stream, uint32_t ppid, bool unordered)
{
	struct sctp_sndinfo info = {.snd_sid = stream, .snd_ppid = ppid, .snd_flags = unordered ? SCTP_UNORDERED : 0};

	if (usrsctp_sendv(s->so, p, n, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) < 0)
		fail("send of message %llu: %s", (unsigned long long)s->tx_messages, strerror(errno));
	s->tx_messages++;
	s->tx_bytes += n;
}

static void *send_plan(void *arg)
{
	struct session *s = arg;
	uint8_t *room = malloc(MAX_MESSAGE);
	uint64_t n = planned_messages();

	for (uint64_t i = 0; i < n; i++) {
		unsigned stream = (unsigned)(i % opt.streams);
		size_t size = message_size(stream, i / opt.streams);

		if (opt.pause != 0 && s->tx_bytes >= opt.pause) {
			opt.pause = 0;
			sem_wait(&go);
		}
		fill(room, size, message_key(stream, i / opt.streams));
		send_message(s, room, size, (uint16_t)stream, htonl(PPID), false);
	}
	free(room);
	say("SENT messages=%llu bytes=%llu", (unsigned long long)s->tx_messages, (unsigned long long)s->tx_bytes);
	if (opt.mode == SOURCE)
		usrsctp_shutdown(s->so, SHUT_WR);
	return NULL;
}

static void check_message(struct session *s, const struct sctp_rcvinfo *info)
{
	unsigned stream = info->rcv_sid;
	uint64_t index, key;
	size_t want;
	long at;

	if (stream >= opt.streams)
		fail("message on stream %u, which carries none", stream);
	index = s->next[stream]++;
	key = message_key(stream, index);
	want = message_size(stream, index);
	if (info->rcv_ssn != (uint16_t)index)
		fail("stream %u message %llu has SSN %u", stream, (unsigned long long)index, info->rcv_ssn);
	if (ntohl(info->rcv_ppid) != PPID)
		fail("stream %u message %llu has PPID %u", stream, (unsigned long long)index, ntohl(info->rcv_ppid));
	if (s->length != want)
		fail("stream %u message %llu has %zu bytes, not %zu", stream, (unsigned long long)index, s->length, want);
	at = wrong_at(s->message, s->length, key);
	if (at >= 0)
		fail("stream %u message %llu differs at byte %ld", stream, (unsigned long long)index, at);
}

static void take_message(struct session *s, const struct sctp_rcvinfo *info)
{
	s->rx_messages++;
	s->rx_bytes += s->length;
	if (opt.mode == ECHO)
		send_message(s, s->message, s->length, info->rcv_sid, info->rcv_ppid, info->rcv_flags & SCTP_UNORDERED);
	if (opt.mode == VERIFY || opt.mode == SINK)
		check_message(s, info);
	s->length = 0;
	if (s->rx_bytes - s->told >= 4 << 20) {
		s->told = s->rx_bytes;
		say("PROGRESS rx=%llu", (unsigned long long)s->rx_bytes);
	}
	if (opt.mode == VERIFY && s->rx_messages == s->expected)
		usrsctp_shutdown(s->so, SHUT_WR);
}

/* receive_all reads until the association ends. A message may come in parts;
 * the parts of one message are never interleaved with those of another. */
static void receive_all(struct session *s)
{
	for (;;) {
		struct sctp_rcvinfo info = {0};
		socklen_t from_len = 0, info_len = sizeof info;
		unsigned int type = SCTP_RECVV_NOINFO;
		int flags = 0;
		uint8_t event[2048];
		size_t room = MAX_MESSAGE - s->length;
		bool part = s->length > 0;
		ssize_t n;

		if (part && room == 0)
			fail("message longer than %d bytes on stream %u", MAX_MESSAGE, info.rcv_sid);
		n = usrsctp_recvv(s->so, s->message + s->length, room, NULL, &from_len, &info, &info_len, &type, &flags);
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			say("EVENT receive_error=%s", errno == ECONNRESET ? "reset" : errno == ENOTCONN ? "not_connected" : strerror(errno));
			return;
		}
		if (n == 0)
			return;
		if (flags & MSG_NOTIFICATION) {
			memcpy(event, s->message + s->length, (size_t)n < sizeof event ? (size_t)n : sizeof event);
			tell_event((const union sctp_notification *)event);
			continue;
		}
		if (type != SCTP_RECVV_RCVINFO)
			fail("no receive information");
		s->length += (size_t)n;
		if (flags & MSG_EOR)
			take_message(s, &info);
	}
}

static void end_session(struct session *s, uint64_t began)
{
	tell_stack();
	say("STATS rx_messages=%llu rx_bytes=%llu tx_messages=%llu tx_bytes=%llu sec=%.3f",
	    (unsigned long long)s->rx_messages, (unsigned long long)s->rx_bytes,
	    (unsigned long long)s->tx_messages, (unsigned long long)s->tx_bytes, (double)(now_ns() - began) / 1e9);
	if (s->length != 0)
		fail("association ended inside a message");
	if (s->expected != 0 && s->rx_messages != s->expected)
		fail("%llu messages of %llu came", (unsigned long long)s->rx_messages, (unsigned long long)s->expected);
}

void run_session(struct socket *so)
{
	struct session *s = calloc(1, sizeof *s);
	pthread_t sender;
	bool sends = opt.mode == VERIFY || opt.mode == SOURCE;
	uint64_t began = now_ns();

	s->so = so;
	s->message = malloc(MAX_MESSAGE);
	if (opt.mode == VERIFY || opt.mode == SINK)
		s->expected = planned_messages();
	current = so;
	if (sends)
		pthread_create(&sender, NULL, send_plan, s);
	receive_all(s);
	if (sends)
		pthread_join(sender, NULL);
	end_session(s, began);
	current = NULL;
	usrsctp_close(so);
	free(s->message);
	free(s);
}
