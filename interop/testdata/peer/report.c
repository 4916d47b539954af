/* What is written for the tests: one line of words and values each. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t started_ns;

void start_clock(void)
{
	started_ns = now_ns();
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void say(const char *format, ...)
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

void fail(const char *format, ...)
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

static const char *name_of(const char *const *names, unsigned state)
{
	return state < 8 && names[state] != NULL ? names[state] : "?";
}

void tell_event(const union sctp_notification *n)
{
	static const char *const assoc[8] = {
		[SCTP_COMM_UP] = "up", [SCTP_COMM_LOST] = "lost", [SCTP_RESTART] = "restart",
		[SCTP_SHUTDOWN_COMP] = "shutdown", [SCTP_CANT_STR_ASSOC] = "cannot_start",
	};
	static const char *const path[8] = {
		[SCTP_ADDR_AVAILABLE] = "available", [SCTP_ADDR_UNREACHABLE] = "unreachable", [SCTP_ADDR_REMOVED] = "removed",
		[SCTP_ADDR_ADDED] = "added", [SCTP_ADDR_MADE_PRIM] = "primary", [SCTP_ADDR_CONFIRMED] = "confirmed",
	};
	char text[INET6_ADDRSTRLEN];
	unsigned state;

	switch (n->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		state = n->sn_assoc_change.sac_state;
		say("EVENT assoc=%s error=%u in=%u out=%u", name_of(assoc, state), n->sn_assoc_change.sac_error,
		    n->sn_assoc_change.sac_inbound_streams, n->sn_assoc_change.sac_outbound_streams);
		break;
	case SCTP_PEER_ADDR_CHANGE:
		state = n->sn_paddr_change.spc_state;
		say("EVENT path=%s state=%s error=%u", address_text(&n->sn_paddr_change.spc_aaddr, text, sizeof text),
		    name_of(path, state), n->sn_paddr_change.spc_error);
		break;
	case SCTP_REMOTE_ERROR:
		say("EVENT remote_error=%u", cause_of(n->sn_remote_error.sre_error));
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

void tell_paths(struct socket *so)
{
	struct sctp_status status;
	socklen_t size = sizeof status;

	memset(&status, 0, sizeof status);
	if (usrsctp_getsockopt(so, IPPROTO_SCTP, SCTP_STATUS, &status, &size) == 0)
		say("STATUS unacked=%u pending=%u rwnd=%u", status.sstat_unackdata, status.sstat_penddata, status.sstat_rwnd);
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
		say("PATH addr=%s state=%#x confirmed=%d cwnd=%u srtt=%u rto=%u mtu=%u", address_text(&info.spinfo_address, text, sizeof text),
		    info.spinfo_state, info.spinfo_state != SCTP_UNCONFIRMED, info.spinfo_cwnd, info.spinfo_srtt, info.spinfo_rto, info.spinfo_mtu);
	}
	if (n > 0)
		usrsctp_freepaddrs(list);
}
