/* The associations of the peer, of each its socket, its notifications, what it does. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

enum { MAX_SESSIONS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the sessions' sockets, against their closing */
static struct session *sessions[MAX_SESSIONS];           /* so is NULL when one has ended */
static unsigned started;

/* each_session does something with every association that is there, or with
 * that of one port. */
void each_session(unsigned port, void (*each)(struct session *, const char *), const char *argument)
{
	bool any = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < started; i++)
		if (sessions[i]->so != NULL && (port == 0 || port == sessions[i]->port)) {
			each(sessions[i], argument);
			any = true;
		}
	pthread_mutex_unlock(&lock);
	if (!any)
		say("EVENT no_association=1");
}

void send_message(struct session *s, const uint8_t *p, size_t n, uint16_t stream, uint32_t ppid, uint16_t flags)
{
	struct sctp_sndinfo info = {.snd_sid = stream, .snd_ppid = ppid, .snd_flags = flags};

	if (usrsctp_sendv(s->so, p, n, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) < 0) {
		if (n == 0 && errno == EINVAL) {
			say("EVENT send_refused=EINVAL");
			return;
		}
		fail("send of message %llu: %s", (unsigned long long)s->tx_messages, strerror(errno));
	}
	if (n == 0)
		return;
	s->tx_messages++;
	s->tx_bytes += n;
}

static void *send_plan(void *arg)
{
	struct session *s = arg;
	uint8_t *room = malloc(MAX_MESSAGE);
	uint64_t n = opt.mode == DUPLEX ? UINT64_MAX : planned_messages(), pause = opt.pause;

	for (uint64_t i = 0; i < n && !s->stopped; i++) {
		unsigned stream = (unsigned)(i % opt.streams);
		size_t size = message_size(s->out_seed, stream, i / opt.streams);
		uint64_t key;

		if (pause != 0 && s->tx_bytes >= pause) {
			pause = 0;
			sem_wait(&s->go);
		}
		key = message_key(s->out_seed, stream, i / opt.streams);
		fill(room, size, key);
		if (is_unordered(key))
			send_message(s, room, size, (uint16_t)stream, htonl((uint32_t)(UNORDERED_PPID + i / opt.streams)), SCTP_UNORDERED);
		else
			send_message(s, room, size, (uint16_t)stream, htonl(PPID), 0);
	}
	free(room);
	say("SENT port=%u messages=%llu bytes=%llu", s->port, (unsigned long long)s->tx_messages, (unsigned long long)s->tx_bytes);
	if (opt.mode == SOURCE)
		usrsctp_shutdown(s->so, SHUT_WR);
	return NULL;
}

/* unordered_index is which unordered message of its stream has come, once. */
static uint64_t unordered_index(struct session *s, unsigned stream, uint32_t ppid)
{
	uint64_t index = ppid - UNORDERED_PPID;
	uint32_t *seen = &s->seen[(size_t)stream * OVERTAKING + index % OVERTAKING];

	if (ppid < UNORDERED_PPID || !is_unordered(message_key(s->in_seed, stream, index)))
		fail("stream %u has no unordered message with PPID %u", stream, ppid);
	if (*seen >= index + 1)
		fail("stream %u unordered message %llu came twice or much too late", stream, (unsigned long long)index);
	*seen = (uint32_t)(index + 1);
	return index;
}

/* ordered_index is which ordered message of its stream must have come. */
static uint64_t ordered_index(struct session *s, unsigned stream, uint32_t ppid, uint16_t ssn)
{
	uint64_t index = s->next[stream];

	while (is_unordered(message_key(s->in_seed, stream, index)))
		index++;
	s->next[stream] = index + 1;
	if (ssn != s->ssn[stream]++)
		fail("stream %u message %llu has SSN %u", stream, (unsigned long long)index, ssn);
	if (ppid != PPID)
		fail("stream %u message %llu has PPID %u", stream, (unsigned long long)index, ppid);
	return index;
}

static void check_message(struct session *s, const struct sctp_rcvinfo *info)
{
	unsigned stream = info->rcv_sid;
	uint32_t ppid = ntohl(info->rcv_ppid);
	uint64_t index, key;
	size_t want;
	long at;

	if (stream >= opt.streams)
		fail("message on stream %u, which carries none", stream);
	index = info->rcv_flags & SCTP_UNORDERED ? unordered_index(s, stream, ppid) : ordered_index(s, stream, ppid, info->rcv_ssn);
	key = message_key(s->in_seed, stream, index);
	want = message_size(s->in_seed, stream, index);
	if (s->length != want)
		fail("stream %u message %llu has %zu bytes, not %zu", stream, (unsigned long long)index, s->length, want);
	at = wrong_at(s->message, s->length, key);
	if (at >= 0)
		fail("stream %u message %llu differs at byte %ld", stream, (unsigned long long)index, at);
}

static void take_message(struct session *s, const struct sctp_rcvinfo *info)
{
	uint64_t now = now_ns();

	if (s->last_rx != 0 && now - s->last_rx > s->longest_gap)
		s->longest_gap = now - s->last_rx;
	s->last_rx = now;
	s->rx_messages++;
	s->rx_bytes += s->length;
	if (opt.mode == ECHO)
		send_message(s, s->message, s->length, info->rcv_sid, info->rcv_ppid, info->rcv_flags & SCTP_UNORDERED);
	if (opt.mode == VERIFY || opt.mode == SINK || opt.mode == DUPLEX)
		check_message(s, info);
	s->length = 0;
	if (s->rx_bytes - s->told >= 4 << 20) {
		s->told = s->rx_bytes;
		say("PROGRESS port=%u rx=%llu", s->port, (unsigned long long)s->rx_bytes);
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
		size_t room = ROOM - s->length;
		bool part = s->length > 0;
		ssize_t n;

		while (s->halted)
			sem_wait(&s->resume);
		if (part && room == 0)
			fail("message longer than %d bytes on stream %u", ROOM, info.rcv_sid);
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

/* await_end waits until the stack has forgotten the association: the packets that end it come after the
 * application has seen its end. */
static void await_end(struct socket *so)
{
	struct sctp_status status;
	socklen_t size;

	do {
		usleep(1000);
		memset(&status, 0, sizeof status);
		size = sizeof status;
	} while (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0);
}

static void end_session(struct session *s, uint64_t began)
{
	say("STATS port=%u rx_messages=%llu rx_bytes=%llu tx_messages=%llu tx_bytes=%llu longest_gap_ms=%.1f sec=%.3f", s->port,
	    (unsigned long long)s->rx_messages, (unsigned long long)s->rx_bytes,
	    (unsigned long long)s->tx_messages, (unsigned long long)s->tx_bytes,
	    (double)s->longest_gap / 1e6, (double)(now_ns() - began) / 1e9);
	if (s->length != 0)
		fail("association ended inside a message");
	if (s->expected != 0 && s->rx_messages != s->expected)
		fail("%llu messages of %llu came", (unsigned long long)s->rx_messages, (unsigned long long)s->expected);
}

static void *run_session(void *arg)
{
	struct session *s = arg;
	struct socket *so = s->so;
	pthread_t sender;
	bool sends = opt.mode == VERIFY || opt.mode == SOURCE || opt.mode == DUPLEX;
	uint64_t began = now_ns();

	if (sends)
		pthread_create(&sender, NULL, send_plan, s);
	receive_all(s);
	if (sends)
		pthread_join(sender, NULL);
	end_session(s, began);
	await_end(so);
	pthread_mutex_lock(&lock);
	s->so = NULL;
	pthread_mutex_unlock(&lock);
	usrsctp_close(so);
	free(s->message);
	free(s->next);
	free(s->ssn);
	free(s->seen);
	return NULL;
}

void start_session(struct socket *so, uint16_t port)
{
	struct session *s = calloc(1, sizeof *s);

	if (started == MAX_SESSIONS)
		fail("more than %d associations", MAX_SESSIONS);
	s->so = so;
	s->port = port;
	s->in_seed = s->out_seed = opt.seed;
	if (opt.mode == DUPLEX) {
		s->in_seed = opt.seed + 2 * (uint64_t)port + !opt.server;
		s->out_seed = opt.seed + 2 * (uint64_t)port + opt.server;
	}
	s->message = malloc(ROOM);
	s->next = calloc(opt.streams, sizeof *s->next);
	s->ssn = calloc(opt.streams, sizeof *s->ssn);
	s->seen = calloc(opt.unordered ? (size_t)opt.streams * OVERTAKING : 1, sizeof *s->seen);
	sem_init(&s->go, 0, 0);
	sem_init(&s->resume, 0, 0);
	if (opt.mode == VERIFY || opt.mode == SINK)
		s->expected = planned_messages();
	pthread_mutex_lock(&lock);
	sessions[started++] = s;
	pthread_mutex_unlock(&lock);
	say("%s port=%u", opt.server ? "ACCEPTED" : "CONNECTED", port); /* commands find it, and nothing is told of it yet */
	pthread_create(&s->reader, NULL, run_session, s);
}

void join_sessions(void)
{
	for (unsigned i = 0; i < started; i++)
		pthread_join(sessions[i]->reader, NULL);
}
