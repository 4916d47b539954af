/* Runs the cases and has them speak. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "probe.h"

enum { PATIENCE = 20 }; /* seconds for a case */

int family;
static const char *current;

void say(const char *step, const char *format, ...)
{
	va_list ap;

	printf("%s %s: ", current, step);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static const char *failure(void)
{
	const char *name = strerrorname_np(errno);

	return name ? name : "?";
}

long did(const char *step, long result)
{
	say(step, "%s", result < 0 ? failure() : "ok");
	return result;
}

long count(const char *step, long result)
{
	if (result < 0)
		say(step, "%s", failure());
	else
		say(step, "%ld", result);
	return result;
}

union address at(int host, int port)
{
	static const char *const four[] = {"127.0.0.1", "10.255.1.1", "10.255.2.1", "198.51.100.9", "0.0.0.0"};
	static const char *const six[] = {"::1", "fd00:255:1::1", "fd00:255:2::1", "2001:db8::9", "::"};
	int i = host < 0 ? 4 : host > 2 ? 3 : host;
	union address a = {0};
	char mapped[64];

	if (family == V4) {
		a.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
		inet_pton(AF_INET, four[i], &a.v4.sin_addr);
		return a;
	}
	snprintf(mapped, sizeof mapped, "::ffff:%s", four[i]);
	a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	inet_pton(AF_INET6, family == V6 ? six[i] : mapped, &a.v6.sin6_addr);
	return a;
}

socklen_t size_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

const char *text(const void *sockaddr)
{
	static char rooms[4][INET6_ADDRSTRLEN];
	static int next;
	char *out = rooms[next++ % 4];
	union address a;

	memcpy(&a, sockaddr, sizeof a.v6);
	if (a.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a.v4.sin_addr, out, sizeof rooms[0]);
	else if (a.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a.v6.sin6_addr, out, sizeof rooms[0]);
	else
		snprintf(out, sizeof rooms[0], "family %d", a.any.sa_family);
	return out;
}

/* A step that the case needs, not one that it is about. */
static int must(const char *what, int result)
{
	if (result < 0) {
		say(what, "MUST NOT FAIL: %s", failure());
		exit(1);
	}
	return result;
}

int port_of(int fd)
{
	union address a;
	socklen_t n = sizeof a;

	must("getsockname", getsockname(fd, &a.any, &n));
	return ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

static int domain(void) { return family == V4 ? AF_INET : AF_INET6; }

int stream(void) { return must("socket", socket(domain(), SOCK_STREAM, IPPROTO_SCTP)); }
int seqpacket(void) { return must("socket", socket(domain(), SOCK_SEQPACKET, IPPROTO_SCTP)); }

int bound(int fd, int host)
{
	union address a = at(host, 0);

	must("bind", bind(fd, &a.any, size_of(&a)));
	return fd;
}

int listening(int fd)
{
	bound(fd, 0);
	must("listen", listen(fd, 5));
	return fd;
}

int connected(int fd, int listener)
{
	union address a = at(0, port_of(listener));

	must("connect", connect(fd, &a.any, size_of(&a)));
	return fd;
}

void couple(int pair[2])
{
	int listener = listening(stream());

	pair[0] = connected(stream(), listener);
	pair[1] = must("accept", accept(listener, NULL, NULL));
	close(listener);
	for (int i = 0; i < 2; i++)
		must("SCTP_NODELAY", setsockopt(pair[i], IPPROTO_SCTP, SCTP_NODELAY, &(int){1}, sizeof(int)));
}

void couple_many(int pair[2], sctp_assoc_t ids[2])
{
	uint32_t room[8] = {0};
	socklen_t n = sizeof room;

	pair[1] = listening(seqpacket());
	pair[0] = connected(bound(seqpacket(), 0), pair[1]);
	for (int i = 0; i < 2; i++) {
		/* The passive side may hear of it a moment later. */
		for (room[0] = 0; room[0] == 0; n = sizeof room, usleep(1000))
			must("ids", getsockopt(pair[i], IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, room, &n));
		ids[i] = (sctp_assoc_t)room[1];
	}
}

void subscribe(int fd, int type, int on)
{
	struct sctp_event e = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = (uint16_t)type, .se_on = (uint8_t)on};

	must("SCTP_EVENT", setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e));
}

const char *events_of(int fd, int wanted, int ms)
{
	static char out[64];
	struct pollfd p = {.fd = fd, .events = (short)wanted};
	static const struct { int bit; const char *name; } names[] = {
		{POLLIN, "IN"}, {POLLOUT, "OUT"}, {POLLRDHUP, "RDHUP"}, {POLLHUP, "HUP"}, {POLLERR, "ERR"}, {POLLPRI, "PRI"}};

	must("poll", poll(&p, 1, ms));
	strcpy(out, "-");
	for (int i = 0; i < COUNT(names); i++)
		if (p.revents & names[i].bit) {
			strcat(out, " ");
			strcat(out, names[i].name);
		}
	return out;
}

static int times(void)
{
	const char *n = getenv("PROBE_SLEEPS");

	return n != NULL ? atoi(n) : 1;
}

void nap(int ms)
{
	usleep((useconds_t)(1000 * ms * times()));
}

static bool run(const struct probe *p, int which, const char *only)
{
	static const char *const names[] = {[V4] = "v4", [V6] = "v6", [MAPPED] = "mapped"};
	static char name[80];
	int status;
	pid_t child;

	snprintf(name, sizeof name, "%s/%s", p->name, names[which]);
	if (!(p->families & which) || (only != NULL && strcmp(only, name) != 0 && strcmp(only, p->name) != 0))
		return true;
	current = name;
	family = which;
	if ((child = fork()) == 0) {
		alarm((unsigned)(PATIENCE * times()));
		signal(SIGPIPE, SIG_IGN);
		p->run();
		exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		say("ended", "%s", WTERMSIG(status) == SIGALRM ? "never" : sigabbrev_np(WTERMSIG(status)));
	return status == 0;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL; /* a case, of all families or of one; -l lists the cases */
	static const struct probe *const all[] = {address_probes, connect_probes, send_probes, receive_probes, event_probes, end_probes, libsctp_probes, option_probes};
	bool well = true;

	for (int i = 0; i < COUNT(all); i++)
		for (const struct probe *p = all[i]; p->name; p++) {
			if (only != NULL && strcmp(only, "-l") == 0)
				puts(p->name);
			else
				for (int f = V4; f <= MAPPED; f <<= 1)
					well &= run(p, f, only);
		}
	return well ? 0 : 1;
}
