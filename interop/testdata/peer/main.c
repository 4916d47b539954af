/* Reads the options, starts the stack, calls or accepts. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

void set_option_of(struct socket *so, int level, int name, const void *value, socklen_t n, const char *what)
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
	uint16_t n = opt.streams < 64 ? 64 : (uint16_t)opt.streams;
	struct sctp_initmsg streams = {.sinit_num_ostreams = n, .sinit_max_instreams = n};

	set_option_of(so, SOL_SOCKET, SO_SNDBUF, &size, sizeof size, "SO_SNDBUF");
	set_option_of(so, SOL_SOCKET, SO_RCVBUF, &size, sizeof size, "SO_RCVBUF");
	set_option_of(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on, "SCTP_RECVRCVINFO");
	set_option_of(so, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on, "SCTP_NODELAY");
	set_option_of(so, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof streams, "SCTP_INITMSG");
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct sctp_event e = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = events[i], .se_on = 1};

		set_option_of(so, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e, "SCTP_EVENT");
	}
}

static struct socket *bound_socket(uint16_t port)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];
	struct socket *so = usrsctp_socket(opt.v6 ? AF_INET6 : AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);

	if (so == NULL)
		fail("socket: %s", strerror(errno));
	configure(so);
	authenticate(so);
	pack(room, opt.local, opt.locals, port);
	if (usrsctp_bindx(so, (struct sockaddr *)room, opt.locals, SCTP_BINDX_ADD_ADDR) < 0)
		fail("bindx: %s", strerror(errno));
	return so;
}

static void serve(void)
{
	struct socket *so = bound_socket(opt.port);

	if (usrsctp_listen(so, 64) < 0)
		fail("listen: %s", strerror(errno));
	say("READY port=%u", opt.port);
	for (unsigned i = 0; i < opt.count; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		struct socket *conn = usrsctp_accept(so, (struct sockaddr *)&from, &len);
		uint16_t port;

		if (conn == NULL)
			fail("accept: %s", strerror(errno));
		configure(conn);
		port = ntohs(from.ss_family == AF_INET ? ((struct sockaddr_in *)&from)->sin_port : ((struct sockaddr_in6 *)&from)->sin6_port);
		start_session(conn, port);
	}
	join_sessions();
	usrsctp_close(so);
}

static void dial(void)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];

	for (unsigned i = 0; i < opt.count; i++) {
		uint16_t port = opt.lport == 0 ? 0 : (uint16_t)(opt.lport + i);
		struct socket *so = bound_socket(port);
		sctp_assoc_t id = 0;

		pack(room, opt.remote, opt.remotes, opt.port);
		say("READY lport=%u", port);
		if (usrsctp_connectx(so, (struct sockaddr *)room, opt.remotes, &id) < 0)
			fail("connect: %s", strerror(errno));
		start_session(so, port);
	}
	join_sessions();
}

int main(int argc, char **argv)
{
	start_clock();
	parse(argc, argv);
	start_stack();
	start_commands();
	if (opt.server)
		serve();
	else
		dial();
	tell_stack();
	tell_authentication();
	say("RESULT OK");
	return 0;
}
