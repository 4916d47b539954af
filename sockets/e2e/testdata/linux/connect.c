/* Associations: listen, accept, connect, peel-off. */
#include <fcntl.h>
#include <stdlib.h>

#include "probe.h"

#ifndef SCTP_SOCKOPT_PEELOFF_FLAGS
#define SCTP_SOCKOPT_PEELOFF_FLAGS 122
#endif

static void say_error(int fd)
{
	int v = 0;
	socklen_t n = sizeof v;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &n);
	say("SO_ERROR", "%s", v ? strerrorname_np(v) : "0");
}

static int accepting(int fd)
{
	int v = -1;
	socklen_t n = sizeof v;

	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &n);
	return v;
}

static void nonblocking(int fd) { fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK); }

static int connect_to(int fd, int host, int port)
{
	union address a = at(host, port);

	return connect(fd, &a.any, size_of(&a));
}

static void listens(int (*make)(void))
{
	int fd = make(), other = make(), p;

	did("accept before", accept(fd, NULL, NULL));
	did("backlog 0", listen(fd, 0));
	did("unbound", listen(fd, 5));
	say("a port", "%d", port_of(fd) >= 1024);
	say("SO_ACCEPTCONN", "%d", accepting(fd));
	did("again", listen(fd, 10));
	nonblocking(fd);
	did("accept none", accept(fd, NULL, NULL));
	did("connect itself listening", connect_to(fd, 0, port_of(other = listening(make()))));
	did("off", listen(fd, 0));
	say("SO_ACCEPTCONN", "%d", accepting(fd));
	did("accept when off", accept(fd, NULL, NULL));
	did("connect to what is off", connect_to(bound(make(), 0), 0, port_of(fd)));
	did("on again", listen(fd, 5));
	p = connected(make(), fd);
	events_of(fd, POLLIN, 100);
	did("accept", accept(fd, NULL, NULL));
	did("listen connected", listen(p, 5));
	did("negative", listen(bound(make(), 0), -1));
	did("accept4 flags", accept4(fd, NULL, NULL, 1));
}

static void listen_stream(void) { listens(stream); }
static void listen_seqpacket(void) { listens(seqpacket); }

static void accepts(void)
{
	int l = listening(stream()), fd;
	union address a = {0};
	socklen_t n = sizeof a;

	connected(stream(), l); /* and who has connected can be accepted at once */
	nonblocking(l);
	fd = accept(l, &a.any, &n);
	say("address", "%s length %u", text(&a), n);
	say("flags", "%s %d", fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblock" : "block", fcntl(fd, F_GETFD));
	connected(stream(), l);
	fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	say("accept4", "%s %d", fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblock" : "block", fcntl(fd, F_GETFD));
	say("listener", "%s", events_of(l, POLLIN, 0));
	connected(stream(), l);
	say("listener", "%s", events_of(l, POLLIN, 1000));
	did("read from listener", recv(l, &a, 1, MSG_DONTWAIT));
	did("send to listener", send(l, "x", 1, MSG_NOSIGNAL));
	fcntl(l, F_SETFL, O_RDWR);
	accept(l, NULL, NULL);
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 20000}, sizeof(struct timeval));
	did("in vain", accept(l, NULL, NULL));
}

/* Who connects and ends before accept is accepted all the same. */
static void accept_ended(void)
{
	int l = listening(stream()), fd = connected(stream(), l);
	char b[8];

	send(fd, "gone", 4, 0);
	close(fd);
	did("accept", fd = accept(l, NULL, NULL));
	count("recv", recv(fd, b, sizeof b, 0));
	count("end", recv(fd, b, sizeof b, 0));
}

static void connects(int (*make)(void))
{
	int fd = make(), l = listening(make()), port;
	union address a = at(0, port_of(l));

	did("short", connect(fd, &a.any, 4));
	did("port 0", connect_to(fd, 0, 0));
	a.any.sa_family = AF_UNSPEC;
	did("AF_UNSPEC", connect(fd, &a.any, size_of(&a)));
	a.any.sa_family = AF_UNIX;
	did("AF_UNIX", connect(fd, &a.any, size_of(&a)));
	say("poll before", "%s", events_of(fd, POLLIN, 0));
	did("connect", connect_to(fd, 0, port_of(l)));
	say("poll after", "%s", events_of(fd, POLLIN | POLLOUT, 0));
	did("again", connect_to(fd, 0, port_of(l)));
	did("elsewhere", connect_to(fd, 1, 9));
	say_error(fd);
	fd = make();
	did("refused", connect_to(bound(fd, 0), 0, 9));
	say_error(fd);
	did("refused again", connect_to(fd, 0, 9));
	did("then well", connect_to(fd, 0, port_of(l)));
	did("wildcard", connect_to(make(), -1, port_of(l)));
	port = port_of(fd = bound(make(), 0));
	did("to itself", connect_to(fd, 0, port));
	did("no such network", connect_to(bound(make(), 0), 9, 9));
}

static void connect_stream(void) { connects(stream); }
static void connect_seqpacket(void) { connects(seqpacket); }

static void connects_nonblocking(int (*make)(void))
{
	int fd = make(), l = listening(make());

	nonblocking(fd);
	did("connect", connect_to(fd, 0, port_of(l)));
	say("poll", "%s", events_of(fd, POLLOUT, 5000));
	say_error(fd);
	nap(50);
	did("again", connect_to(fd, 0, port_of(l)));
	did("send", send(fd, "x", 1, 0));
	close(fd);
	fd = make();
	nonblocking(fd);
	did("refused", connect_to(fd, 0, 9));
	nap(200);
	say("poll refused", "%s", events_of(fd, POLLIN | POLLOUT, 5000));
	say_error(fd);
	say_error(fd);
	did("refused again", connect_to(fd, 0, 9));
	nap(200);
	did("and told by connect", connect_to(fd, 0, 9));
	nap(200);
	did("recv", recv(fd, &fd, 1, MSG_DONTWAIT));
}

static void nonblocking_stream(void) { connects_nonblocking(stream); }
static void nonblocking_seqpacket(void) { connects_nonblocking(seqpacket); }

static void connectx(int (*make)(void))
{
	int l = listening(make()), fd = make(), port = port_of(l);
	sctp_assoc_t id = 0;
	uint8_t room[2 * sizeof(union address)];
	union address a = at(0, port), b = at(9, port), c = at(0, port ^ 1);

	memcpy(room, &a, size_of(&a));
	did("one", sctp_connectx(fd, (void *)room, 1, &id));
	say("id", "%s", id > 0 ? "given" : "none");
	memcpy(room + size_of(&a), &c, size_of(&c));
	did("two ports", sctp_connectx(make(), (void *)room, 2, &id));
	did("again", sctp_connectx(fd, (void *)room, 1, &id));
	memcpy(room + size_of(&a), &b, size_of(&b));
	fd = make();
	id = 0;
	nonblocking(fd);
	did("non-blocking", sctp_connectx(fd, (void *)room, 1, &id));
	say("id", "%s", id > 0 ? "given" : "none");
	say("poll", "%s", events_of(fd, POLLOUT, 5000));
	did("no id wanted", sctp_connectx(make(), (void *)room, 1, NULL));
	a = at(0, 9);
	memcpy(room, &a, size_of(&a));
	id = 0;
	did("refused", sctp_connectx(make(), (void *)room, 1, &id));
	say("id", "%s", id > 0 ? "given" : "none");
	a.any.sa_family = AF_UNIX;
	memcpy(room, &a, sizeof a.any);
	did("family", sctp_connectx(make(), (void *)room, 1, &id));
	did("none", setsockopt(make(), IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, room, 0));
}

static void connectx_stream(void) { connectx(stream); }
static void connectx_seqpacket(void) { connectx(seqpacket); }

/* Debian's libsctp.so declares sctp_peeloff_flags and does not export it. */
static int peeloff_flags(int fd, sctp_assoc_t id, unsigned flags)
{
	struct { sctp_assoc_t id; int fd; unsigned flags; } arg = {.id = id, .flags = flags};
	socklen_t n = sizeof arg;

	return getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, &arg, &n) < 0 ? -1 : arg.fd;
}

static void say_type(int fd)
{
	int v = 0;
	socklen_t n = sizeof v;

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &n);
	say("SO_TYPE", "%d", v);
}

static void peeloff(void)
{
	int p[2], fd, other;
	sctp_assoc_t ids[2];
	uint32_t number = 9;
	socklen_t n = sizeof number;
	union address a;
	char b[8];

	couple(p);
	did("one-to-one", sctp_peeloff(p[0], 1));
	couple_many(p, ids);
	did("no such", sctp_peeloff(p[1], 12345));
	did("0", sctp_peeloff(p[1], 0));
	send(p[0], "none", 4, MSG_NOSIGNAL);
	a = at(0, port_of(p[1]));
	sendto(p[0], "queued", 6, 0, &a.any, size_of(&a));
	events_of(p[1], POLLIN, 1000);
	did("peel", fd = sctp_peeloff(p[1], ids[1]));
	say_type(fd);
	count("queued goes along", recv(fd, b, sizeof b, MSG_DONTWAIT));
	getsockopt(p[1], IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &number, &n);
	say("left", "%u", number);
	did("again", sctp_peeloff(p[1], ids[1]));
	did("of the peeled", sctp_peeloff(fd, ids[1]));
	count("send", send(fd, "x", 1, 0));
	count("sendto elsewhere", sendto(fd, "y", 1, 0, &a.any, size_of(&a)));
	did("old socket by id", sctp_send(p[1], "z", 1, &(struct sctp_sndrcvinfo){.sinfo_assoc_id = ids[1]}, MSG_NOSIGNAL));
	did("listen", listen(fd, 5));
	did("accept", accept(fd, NULL, NULL));
	did("connect", connect(fd, &a.any, size_of(&a)));
	did("bind", bind(fd, &a.any, size_of(&a)));
	did("shutdown", shutdown(fd, SHUT_WR));
	other = connected(seqpacket(), p[1]);
	for (number = 0; number == 0;)
		getsockopt(p[1], IPPROTO_SCTP, SCTP_GET_ASSOC_NUMBER, &number, &n);
	sendto(other, "hello", 5, 0, &a.any, size_of(&a));
	struct sctp_sndrcvinfo info = {0};
	int flags = 0;
	setsockopt(p[1], IPPROTO_SCTP, SCTP_EVENTS, &(struct sctp_event_subscribe){.sctp_data_io_event = 1}, sizeof(struct sctp_event_subscribe));
	sctp_recvmsg(p[1], b, sizeof b, NULL, NULL, &info, &flags);
	did("with flags", fd = peeloff_flags(p[1], info.sinfo_assoc_id, SOCK_NONBLOCK | SOCK_CLOEXEC));
	say("flags", "%s %d", fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblock" : "block", fcntl(fd, F_GETFD));
	did("nothing there", recv(fd, b, sizeof b, 0));
}

const struct probe connect_probes[] = {
	{"listen", V4 | V6, listen_stream},
	{"listen-many", V4, listen_seqpacket},
	{"accept", ALL, accepts},
	{"accept-ended", V4, accept_ended},
	{"connect", ALL, connect_stream},
	{"connect-many", V4 | V6, connect_seqpacket},
	{"nonblocking", V4, nonblocking_stream},
	{"nonblocking-many", V4, nonblocking_seqpacket},
	{"connectx", V4 | V6, connectx_stream},
	{"connectx-many", V4, connectx_seqpacket},
	{"peeloff", ALL, peeloff},
	{0},
};
