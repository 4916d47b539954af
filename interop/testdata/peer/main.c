#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

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

static void obey(const char *line)
{
	struct socket *so = current_session();

	if (strcmp(line, "go") == 0) {
		go_on();
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

	start_clock();
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
