/*
 * usrsctp_peer: an SCTP peer on usrsctp's raw sockets, driven by the interop
 * tests. It binds several addresses, connects or accepts, and then behaves as
 * told:
 *
 *   echo    send every message back, same stream and PPID
 *   verify  send a planned sequence of messages and check their echo
 *   source  send the planned sequence
 *   sink    receive and check the planned sequence
 *   hold    keep the association, count what comes
 *
 * The plan is a function of --seed, --bytes and --streams alone, so both ends
 * know every message beforehand; see pattern.go for the same functions in Go.
 *
 * Standard output carries one line per happening, KEY followed by name=value
 * pairs, and ends with "RESULT OK …" or "RESULT FAIL reason=…". Standard input
 * takes commands, one per line: shutdown, abort, paths, primary ADDRESS, and go,
 * for which the sender of a plan waits once it has sent --pause bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <usrsctp.h>

enum { MAX_ADDRS = 8, MAX_STREAMS = 64, MAX_MESSAGE = 204800, PPID = 4242 };

enum behaviour { ECHO, VERIFY, SOURCE, SINK, HOLD };
static const char *const behaviours[] = {"echo", "verify", "source", "sink", "hold"};

static struct {
	bool server, v6, debug;
	enum behaviour mode;
	char *local[MAX_ADDRS], *remote[MAX_ADDRS];
	int locals, remotes;
	uint16_t port, lport;
	uint64_t bytes, seed, pause;
	unsigned streams, count;
	uint32_t rto_min, rto_max, heartbeat, path_retrans, sack_delay, buffer;
} opt = {
	.bytes = 1 << 20, .seed = 1, .streams = 8, .count = 1,
	.rto_min = 100, .rto_max = 400, .heartbeat = 300, .path_retrans = 2,
	.sack_delay = 20, .buffer = 2 << 20,
};

static sem_t go; /* posted by the command go */
static struct socket *current; /* the association that commands are for */
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t started_ns;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* say prints one whole line at once, whichever thread calls. */
static void say(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&out_lock);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" ms=%.3f\n", (double)(now_ns() - started_ns) / 1e6);
	fflush(stdout);
	pthread_mutex_unlock(&out_lock);
}

static void stack_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

static void fail(const char *format, ...)
{
	char reason[256];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	for (char *p = reason; *p; p++)
		if (*p == ' ')
			*p = '_';
	say("RESULT FAIL reason=%s", reason);
	_exit(1);
}

/* ---- the plan ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#define STEP 0x9e3779b97f4a7c15u

static uint64_t message_key(unsigned stream, uint64_t index)
{
	return mix(mix(opt.seed * STEP + stream) + index * STEP);
}

/* Most messages are small, most bytes are in large ones; the first message of
 * stream 0 and of stream 1 are the two extremes. */
static size_t message_size(unsigned stream, uint64_t index)
{
	uint64_t key = message_key(stream, index), span = key >> 8;

	if (index == 0 && stream == 0)
		return 1;
	if (index == 0 && stream == 1)
		return MAX_MESSAGE;
	switch (key & 15) {
	case 0: case 1: case 2: case 3:
		return 1 + span % 64;
	case 4: case 5: case 6: case 7: case 8: case 9:
		return 65 + span % 1436;
	case 10: case 11: case 12: case 13:
		return 1501 + span % 18500;
	default:
		return 20001 + span % (MAX_MESSAGE - 20000);
	}
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

static void fill(uint8_t *p, size_t n, uint64_t key)
{
	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = htole64(mix(key += STEP));

		memcpy(p + at, &word, n - at < 8 ? n - at : 8);
	}
}

/* wrong_at is the first 8-byte word at which p differs from the plan, or -1. */
static long wrong_at(const uint8_t *p, size_t n, uint64_t key)
{
	uint8_t tail[8] = {0}, want[8] = {0};

	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = mix(key += STEP);

		if (n - at >= 8) {
			if (load64(p + at) != word)
				return (long)at;
			continue;
		}
		word = htole64(word);
		memcpy(want, &word, n - at);
		memcpy(tail, p + at, n - at);
		if (memcmp(want, tail, 8) != 0)
			return (long)at;
	}
	return -1;
}

static uint64_t planned_messages(void)
{
	uint64_t n = 0;

	for (uint64_t sum = 0; sum < opt.bytes; n++)
		sum += message_size((unsigned)(n % opt.streams), n / opt.streams);
	return n;
}

/* ---- addresses ---- */

static socklen_t make_address(struct sockaddr_storage *to, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof *v6;
	}
	fail("%s is no address", text);
	return 0;
}

/* pack lays addresses one after the other, as the x-calls want them. */
static void pack(uint8_t *room, char **texts, int n, uint16_t port)
{
	struct sockaddr_storage a;

	for (int i = 0; i < n; i++) {
		socklen_t len = make_address(&a, texts[i], port);

		memcpy(room, &a, len);
		room += len;
	}
}

static const char *address_text(const struct sockaddr_storage *a, char *room, size_t n)
{
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, room, (socklen_t)n);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, room, (socklen_t)n);
	else
		snprintf(room, n, "family%d", a->ss_family);
	return room;
}

/* ---- options and events ---- */

static void set(struct socket *so, int level, int name, const void *value, socklen_t n, const char *what)
{
	if (usrsctp_setsockopt(so, level, name, value, n) < 0)
		fail("setsockopt %s: %s", what, strerror(errno));
}

static void configure(struct socket *so)
{
	static const uint16_t events[] = {
		SCTP_ASSOC_CHANGE, SCTP_PEER_ADDR_CHANGE, SCTP_REMOTE_ERROR,
		SCTP_SHUTDOWN_EVENT, SCTP_SEND_FAILED_EVENT, SCTP_PARTIAL_DELIVERY_EVENT,
	};
	int on = 1, size = (int)opt.buffer;

	set(so, SOL_SOCKET, SO_SNDBUF, &size, sizeof size, "SO_SNDBUF");
	set(so, SOL_SOCKET, SO_RCVBUF, &size, sizeof size, "SO_RCVBUF");
	set(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on, "SCTP_RECVRCVINFO");
	set(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "SCTP_NODELAY");
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct sctp_event e = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[i], .se_on = 1};

		set(so, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e, "SCTP_EVENT");
	}
}

static void set_defaults(void)
{
	usrsctp_sysctl_set_sctp_blackhole(0);
	usrsctp_sysctl_set_sctp_rto_min_default(opt.rto_min);
	usrsctp_sysctl_set_sctp_rto_initial_default(opt.rto_max);
	usrsctp_sysctl_set_sctp_rto_max_default(opt.rto_max);
	usrsctp_sysctl_set_sctp_init_rto_max_default(opt.rto_max);
	usrsctp_sysctl_set_sctp_heartbeat_interval_default(opt.heartbeat);
	usrsctp_sysctl_set_sctp_path_rtx_max_default(opt.path_retrans);
	usrsctp_sysctl_set_sctp_assoc_rtx_max_default(20);
	usrsctp_sysctl_set_sctp_delayed_sack_time_default(opt.sack_delay);
	usrsctp_sysctl_set_sctp_sendspace(opt.buffer);
	usrsctp_sysctl_set_sctp_recvspace(opt.buffer);
	usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(MAX_STREAMS);
}

static void tell_event(const union sctp_notification *n)
{
	static const char *const assoc[] = {"?", "up", "lost", "restart", "shutdown", "cannot_start"};
	static const char *const path[] = {"?", "available", "unreachable", "removed", "added", "primary", "confirmed"};
	char text[INET6_ADDRSTRLEN];
	unsigned state;

	switch (n->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		state = n->sn_assoc_change.sac_state;
		say("EVENT assoc=%s error=%u in=%u out=%u", assoc[state < 6 ? state : 0], n->sn_assoc_change.sac_error,
		    n->sn_assoc_change.sac_inbound_streams, n->sn_assoc_change.sac_outbound_streams);
		break;
	case SCTP_PEER_ADDR_CHANGE:
		state = n->sn_paddr_change.spc_state;
		say("EVENT path=%s state=%s error=%u", address_text(&n->sn_paddr_change.spc_aaddr, text, sizeof text),
		    path[state < 7 ? state : 0], n->sn_paddr_change.spc_error);
		break;
	case SCTP_REMOTE_ERROR:
		say("EVENT remote_error=%u", ntohs(n->sn_remote_error.sre_error));
		break;
	case SCTP_SHUTDOWN_EVENT:
		say("EVENT peer_shutdown=1");
		break;
	case SCTP_SEND_FAILED_EVENT:
		say("EVENT send_failed=%u", n->sn_send_failed_event.ssfe_error);
		break;
	default:
		say("EVENT type=%u", n->sn_header.sn_type);
	}
}

static void tell_stack(void)
{
	struct sctpstat stat;

	usrsctp_get_stat(&stat);
	say("STACK in=%u out=%u data_in=%u sacks_in=%u retransmitted=%u t3=%u heartbeat_timer=%u fast=%u duplicates=%u badsum=%u restarts=%u rwnd_drops=%u chunk_drops=%u",
	    stat.sctps_recvpackets, stat.sctps_sendpackets, stat.sctps_recvdata, stat.sctps_recvsacks, stat.sctps_sendretransdata,
	    stat.sctps_timodata, stat.sctps_timoheartbeat, stat.sctps_sendfastretrans, stat.sctps_recvdupdata,
	    stat.sctps_checksumerrors, stat.sctps_restartestab, stat.sctps_datadroprwnd, stat.sctps_datadropchklmt);
}

static void tell_paths(struct socket *so)
{
	struct sockaddr *list = NULL;
	int n = usrsctp_getpaddrs(so, 0, &list);
	const uint8_t *at = (const uint8_t *)list;
	char text[INET6_ADDRSTRLEN];

	for (int i = 0; i < n; i++) {
		struct sctp_paddrinfo info;
		socklen_t len = sizeof info, step;
		const struct sockaddr *a = (const struct sockaddr *)at;

		step = a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		memset(&info, 0, sizeof info);
		memcpy(&info.spinfo_address, at, step);
		at += step;
		if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &info, &len) < 0)
			continue;
		say("PATH addr=%s state=%#x cwnd=%u srtt=%u rto=%u mtu=%u", address_text(&info.spinfo_address, text, sizeof text),
		    info.spinfo_state, info.spinfo_cwnd, info.spinfo_srtt, info.spinfo_rto, info.spinfo_mtu);
	}
	if (n > 0)
		usrsctp_freepaddrs(list);
}

/* ---- one association ---- */

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

static void run_session(struct socket *so)
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

/* ---- commands ---- */

static void obey(const char *line)
{
	struct socket *so = current;

	if (strcmp(line, "go") == 0) {
		sem_post(&go);
		return;
	}
	if (so == NULL) {
		say("EVENT no_association=1");
		return;
	}
	if (strcmp(line, "shutdown") == 0) {
		usrsctp_shutdown(so, SHUT_WR);
	} else if (strcmp(line, "abort") == 0) {
		struct sctp_sndinfo info = {.snd_flags = SCTP_ABORT};

		if (usrsctp_sendv(so, "", 0, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0) < 0)
			fail("abort: %s", strerror(errno));
	} else if (strcmp(line, "paths") == 0) {
		tell_stack();
		tell_paths(so);
		say("PATHS");
	} else if (strncmp(line, "primary ", 8) == 0) {
		struct sctp_setprim p = {0};

		make_address(&p.ssp_addr, line + 8, opt.port);
		set(so, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &p, sizeof p, "SCTP_PRIMARY_ADDR");
	} else {
		fail("unknown command %s", line);
	}
}

static void *read_commands(void *unused)
{
	char line[256];

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		obey(line);
	}
	return unused;
}

/* ---- start ---- */

static int split(char *text, char **to)
{
	int n = 0;

	for (char *p = strtok(text, ","); p != NULL && n < MAX_ADDRS; p = strtok(NULL, ","))
		to[n++] = p;
	return n;
}

static void set_option(const char *name, char *value)
{
	unsigned long long number = strtoull(value, NULL, 0);
	const struct { const char *name; uint32_t *to; } numbers[] = {
		{"--streams", &opt.streams}, {"--count", &opt.count}, {"--rto-min", &opt.rto_min},
		{"--rto-max", &opt.rto_max}, {"--heartbeat", &opt.heartbeat}, {"--path-retrans", &opt.path_retrans},
		{"--sack-delay", &opt.sack_delay}, {"--buffer", &opt.buffer},
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(name, numbers[i].name) == 0) {
			*numbers[i].to = (uint32_t)number;
			return;
		}
	if (strcmp(name, "--local") == 0)
		opt.locals = split(value, opt.local);
	else if (strcmp(name, "--remote") == 0)
		opt.remotes = split(value, opt.remote);
	else if (strcmp(name, "--port") == 0)
		opt.port = (uint16_t)number;
	else if (strcmp(name, "--lport") == 0)
		opt.lport = (uint16_t)number;
	else if (strcmp(name, "--bytes") == 0)
		opt.bytes = number;
	else if (strcmp(name, "--pause") == 0)
		opt.pause = number;
	else if (strcmp(name, "--seed") == 0)
		opt.seed = number;
	else if (strcmp(name, "--mode") == 0) {
		for (opt.mode = ECHO; opt.mode <= HOLD; opt.mode++)
			if (strcmp(value, behaviours[opt.mode]) == 0)
				return;
		fail("unknown mode %s", value);
	} else
		fail("unknown option %s", name);
}

static void parse(int argc, char **argv)
{
	if (argc < 2 || argc % 2 != 0)
		fail("usage: usrsctp_peer server|client --local A,B [--remote A,B] --port N --mode M ...");
	opt.server = strcmp(argv[1], "server") == 0;
	for (int i = 2; i < argc; i += 2)
		set_option(argv[i], argv[i + 1]);
	if (opt.streams < 2 || opt.streams > MAX_STREAMS || opt.locals == 0 || (!opt.server && opt.remotes == 0))
		fail("needs addresses and 2 to %d streams", MAX_STREAMS);
	for (int i = 0; i < opt.locals; i++)
		opt.v6 |= strchr(opt.local[i], ':') != NULL;
}

static struct socket *bound_socket(uint16_t port)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];
	struct socket *so = usrsctp_socket(opt.v6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);

	if (so == NULL)
		fail("socket: %s", strerror(errno));
	configure(so);
	pack(room, opt.local, opt.locals, port);
	if (usrsctp_bindx(so, (struct sockaddr *)room, opt.locals, SCTP_BINDX_ADD_ADDR) < 0)
		fail("bindx: %s", strerror(errno));
	return so;
}

static void serve(void)
{
	struct socket *so = bound_socket(opt.port);

	if (usrsctp_listen(so, 8) < 0)
		fail("listen: %s", strerror(errno));
	say("READY port=%u", opt.port);
	for (unsigned i = 0; opt.count == 0 || i < opt.count; i++) {
		struct socket *conn = usrsctp_accept(so, NULL, NULL);

		if (conn == NULL)
			fail("accept: %s", strerror(errno));
		configure(conn);
		say("ACCEPTED");
		run_session(conn);
	}
	usrsctp_close(so);
}

static void dial(void)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];
	struct socket *so = bound_socket(opt.lport);
	sctp_assoc_t id = 0;

	pack(room, opt.remote, opt.remotes, opt.port);
	say("READY lport=%u", opt.lport);
	if (usrsctp_connectx(so, (struct sockaddr *)room, opt.remotes, &id) < 0)
		fail("connect: %s", strerror(errno));
	say("CONNECTED");
	run_session(so);
}

int main(int argc, char **argv)
{
	pthread_t commands;

	started_ns = now_ns();
	sem_init(&go, 0, 0);
	parse(argc, argv);
	usrsctp_init(0, NULL, stack_debug);
	set_defaults();
	pthread_create(&commands, NULL, read_commands, NULL);
	if (opt.server)
		serve();
	else
		dial();
	say("RESULT OK");
	for (int i = 0; i < 100 && usrsctp_finish() != 0; i++)
		usleep(10000);
	return 0;
}
