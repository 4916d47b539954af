/* Addresses: bind, sctp_bindx, what is told of them, and socket itself. */
#include <fcntl.h>

#include "probe.h"

static void say_int(const char *step, int fd, int level, int name)
{
	int v = 0;
	socklen_t n = sizeof v;

	if (getsockopt(fd, level, name, &v, &n) < 0)
		did(step, -1);
	else
		say(step, "%d length %u", v, n);
}

static void sockets(void)
{
	static const struct { int type, protocol; } kinds[] = {
		{SOCK_STREAM, IPPROTO_SCTP}, {SOCK_SEQPACKET, IPPROTO_SCTP}, {SOCK_SEQPACKET, 0}, {SOCK_SEQPACKET, IPPROTO_TCP},
		{SOCK_DGRAM, IPPROTO_SCTP}, {SOCK_RDM, IPPROTO_SCTP}, {SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP},
	};
	int domain = family == V4 ? AF_INET : AF_INET6;

	for (int i = 0; i < COUNT(kinds); i++) {
		char step[40];
		int fd = socket(domain, kinds[i].type, kinds[i].protocol);

		snprintf(step, sizeof step, "type %#x protocol %d", kinds[i].type, kinds[i].protocol);
		if (did(step, fd) < 0)
			continue;
		say_int("SO_DOMAIN", fd, SOL_SOCKET, SO_DOMAIN);
		say_int("SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
		say_int("SO_PROTOCOL", fd, SOL_SOCKET, SO_PROTOCOL);
		say_int("SO_ACCEPTCONN", fd, SOL_SOCKET, SO_ACCEPTCONN);
		say_int("SO_ERROR", fd, SOL_SOCKET, SO_ERROR);
		say_int("SO_REUSEADDR", fd, SOL_SOCKET, SO_REUSEADDR);
		say("F_GETFL", "%s", fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblock" : "-");
		say("F_GETFD", "%d", fcntl(fd, F_GETFD));
		close(fd);
	}
}

static void say_name(const char *step, int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	union address a = {0};
	socklen_t n = sizeof a;

	if (get(fd, &a.any, &n) < 0)
		did(step, -1);
	else
		say(step, "%s length %u", text(&a), n);
}

static void say_sockname(const char *step, int fd) { say_name(step, fd, getsockname); }
static void say_peername(const char *step, int fd) { say_name(step, fd, getpeername); }

static void binds(int (*make)(void))
{
	union address a = at(0, 0), v4 = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	int fd = make(), other;

	say_sockname("unbound", fd);
	did("short", bind(fd, &a.any, sizeof a.v4 - 1));
	did("short for IPv6", bind(fd, &a.any, sizeof a.v4));
	close(fd);
	fd = make();
	did("IPv4 address", bind(fd, &v4.any, sizeof v4.v4));
	close(fd);
	fd = make();
	v4.any.sa_family = AF_UNSPEC;
	did("AF_UNSPEC", bind(fd, &v4.any, sizeof v4.v4));
	v4.any.sa_family = AF_UNIX;
	did("AF_UNIX", bind(fd, &v4.any, sizeof v4.v4));
	a = at(9, 0);
	did("not ours", bind(fd, &a.any, size_of(&a)));
	a = at(0, 0);
	did("port 0", bind(fd, &a.any, size_of(&a)));
	say("a port", "%d", port_of(fd) >= 1024);
	say_sockname("bound", fd);
	did("twice", bind(fd, &a.any, size_of(&a)));
	other = make();
	a = at(0, port_of(fd));
	did("in use", bind(other, &a.any, size_of(&a)));
	a = at(-1, port_of(fd));
	did("wildcard in use", bind(other, &a.any, size_of(&a)));
	a = at(1, port_of(fd));
	did("other address", bind(other, &a.any, size_of(&a)));
	close(other);
	other = make();
	a = at(0, port_of(fd));
	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	did("in use, one reuses", bind(other, &a.any, size_of(&a)));
	close(fd);
	did("after close", bind(other, &a.any, size_of(&a)));
	fd = make();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	did("in use, both reuse", bind(fd, &a.any, size_of(&a)));
	did("listen", listen(fd, 5));
	close(fd);
	fd = bound(make(), -1);
	say_sockname("wildcard", fd);
}

static void bind_stream(void) { binds(stream); }
static void bind_seqpacket(void) { binds(seqpacket); }

static void v6only(void)
{
	union address six = at(-1, 0);
	int fd = stream();

	did("set", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)));
	say_int("get", fd, IPPROTO_IPV6, IPV6_V6ONLY);
	did("bind", bind(fd, &six.any, size_of(&six)));
	did("set bound", setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int)));
	six = at(0, 9);
	did("connect", connect(fd, &six.any, size_of(&six)));
}

/* Packs addresses of hosts, all with a port, for sctp_bindx. */
static struct sockaddr *packed(uint8_t *room, int port, int n, const int *hosts)
{
	uint8_t *to = room;

	for (int i = 0; i < n; i++) {
		union address a = at(hosts[i], port);

		memcpy(to, &a, size_of(&a));
		to += size_of(&a);
	}
	return (struct sockaddr *)room;
}

#define HOSTS(...) COUNT(((int[]){__VA_ARGS__})), (int[]){__VA_ARGS__}
#define BINDX(fd, port, how, ...) bindx_to(fd, port, how, HOSTS(__VA_ARGS__))

static int bindx_to(int fd, int port, int how, int n, const int *hosts)
{
	uint8_t room[512];

	return sctp_bindx(fd, packed(room, port, n, hosts), n, how);
}

static void say_laddrs(const char *step, int fd)
{
	struct sockaddr *list = NULL;
	int n = sctp_getladdrs(fd, 0, &list);
	const uint8_t *walk = (void *)list;

	count(step, n);
	for (int i = 0; i < n; i++) {
		const union address *a = (void *)walk;

		say(step, "%s%s", text(a), port_of(fd) == ntohs(a->v4.sin_port) ? "" : " another port");
		walk += size_of(a);
	}
	if (n > 0)
		sctp_freeladdrs(list);
}

static void bindxs(int (*make)(void))
{
	enum { ADD = SCTP_BINDX_ADD_ADDR, REM = SCTP_BINDX_REM_ADDR };
	int fd = make(), other;

	did("remove unbound", BINDX(fd, 0, REM, 1));
	say_laddrs("of unbound", fd);
	did("flags", BINDX(fd, 0, 77, 1));
	did("nothing", setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, "", 0));
	did("several", BINDX(fd, 0, ADD, 1, 2));
	say_laddrs("of several", fd);
	say_sockname("name", fd);
	did("again", BINDX(fd, port_of(fd), ADD, 1));
	did("again, port 0", BINDX(fd, 0, ADD, 2));
	did("another port", BINDX(fd, port_of(fd) ^ 1, ADD, 0));
	did("not ours", BINDX(fd, 0, ADD, 9));
	did("one of two not ours", BINDX(fd, 0, ADD, 0, 9));
	say_laddrs("after", fd);
	did("loopback", BINDX(fd, 0, ADD, 0));
	did("remove loopback", BINDX(fd, 0, REM, 0));
	did("remove it again", BINDX(fd, 0, REM, 0));
	did("remove with another port", BINDX(fd, port_of(fd) ^ 1, REM, 1));
	did("remove both", BINDX(fd, 0, REM, 1, 2));
	say_laddrs("left", fd);
	did("listen", listen(fd, 5));
	did("remove while listening", BINDX(fd, 0, REM, 1));
	did("add while listening", BINDX(fd, 0, ADD, 1));
	say_laddrs("listening", fd);
	other = make();
	did("in use", BINDX(other, port_of(fd), ADD, 1));
	say_laddrs("other", other);
	did("one of two in use", BINDX(other, port_of(fd), ADD, 0, 1));
	say_laddrs("other", other);
	fd = bound(make(), -1);
	say("of wildcard", "%d", sctp_getladdrs(fd, 0, &(struct sockaddr *){NULL}) > 1);
	did("add to wildcard", BINDX(fd, 0, ADD, 1));
}

static void bindx_stream(void) { bindxs(stream); }
static void bindx_seqpacket(void) { bindxs(seqpacket); }

static void names(void)
{
	int p[2], fd = stream();
	sctp_assoc_t ids[2];
	union address a;
	socklen_t n = 4;

	say_peername("unconnected", fd);
	say_peername("listening", listening(fd));
	couple(p);
	say_peername("client's peer", p[0]);
	say_peername("server's peer", p[1]);
	say_sockname("client's name", p[0]);
	say_sockname("server's name", p[1]);
	count("short room", getpeername(p[0], &a.any, &n));
	say("short length", "%u", n);
	couple_many(p, ids);
	say_peername("one-to-many", p[0]);
	fd = sctp_peeloff(p[1], ids[1]);
	say_peername("peeled off", fd);
	say_sockname("peeled off", fd);
}

static void mapped_option(void)
{
	int p[2];

	couple(p);
	did("off", setsockopt(p[0], IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR, &(int){0}, sizeof(int)));
	say_int("is", p[0], IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR);
	say_peername("peer", p[0]);
	say_sockname("name", p[0]);
	did("send", send(p[1], "x", 1, 0));
	take("message", p[0]);
	say_laddrs("laddrs", p[0]);
}

const struct probe address_probes[] = {
	{"socket", V4 | V6, sockets},
	{"bind", ALL, bind_stream},
	{"bind-many", ALL, bind_seqpacket},
	{"v6only", V6 | MAPPED, v6only},
	{"bindx", ALL, bindx_stream},
	{"bindx-many", ALL, bindx_seqpacket},
	{"names", ALL, names},
	{"mapped", MAPPED, mapped_option},
	{0},
};
