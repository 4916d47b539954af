/* What is usrsctp's own. */
#include <netinet/in.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/sock_diag.h>
#include <sys/resource.h>
#include <unistd.h>

#include "peer.h"

static void stack_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
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
	usrsctp_sysctl_set_sctp_assoc_rtx_max_default(ASSOC_RETRANS);
	usrsctp_sysctl_set_sctp_max_retran_chunk(0); /* no bound, also when each is answered with a closed window */
	usrsctp_sysctl_set_sctp_delayed_sack_time_default(opt.sack_delay);
	usrsctp_sysctl_set_sctp_sendspace(opt.buffer);
	usrsctp_sysctl_set_sctp_recvspace(opt.buffer);
	usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(opt.streams < 64 ? 64 : opt.streams);
}

/* next_raw is the first of the stack's raw sockets from fd on, or -1. */
static int next_raw(int fd)
{
	for (; fd < 64; fd++) {
		int protocol = 0;
		socklen_t len = sizeof protocol;

		if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && protocol == IPPROTO_SCTP)
			return fd;
	}
	return -1;
}

/* widen gives the stack's raw sockets more room than the 128 KiB that it asks
 * for itself: what they lose looks like loss on the way. */
static void widen(void)
{
	int size = (int)opt.raw_buffer;

	for (int fd = next_raw(0); fd >= 0; fd = next_raw(fd + 1))
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
			fail("SO_RCVBUFFORCE: %s", strerror(errno));
}

/* raw_drops is how many packets the stack's raw sockets had no room for. */
static uint32_t raw_drops(void)
{
	uint32_t sum = 0;

	for (int fd = next_raw(0); fd >= 0; fd = next_raw(fd + 1)) {
		uint32_t memory[SK_MEMINFO_VARS] = {0};
		socklen_t len = sizeof memory;

		if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) < 0)
			fail("SO_MEMINFO: %s", strerror(errno));
		sum += memory[SK_MEMINFO_DROPS];
	}
	return sum;
}

static bool iterator_waits(void)
{
	glob_t threads;
	bool waits = false;

	if (glob("/proc/self/task/*/stat", 0, NULL, &threads) != 0)
		return false;
	for (size_t i = 0; i < threads.gl_pathc && !waits; i++) {
		char text[200] = "";
		FILE *f = fopen(threads.gl_pathv[i], "r");

		if (f == NULL)
			continue;
		waits = fgets(text, sizeof text, f) != NULL && strstr(text, "(SCTP iterator) S") != NULL;
		fclose(f);
	}
	globfree(&threads);
	return waits;
}

/* await_iterator: the stack's iterator thread waits for a signal before it looks whether there is
 * work (0.9.5). A change of addresses that comes before it waits would never reach an association. */
static void await_iterator(void)
{
	for (int ms = 0; !iterator_waits(); ms++) {
		if (ms == 10000)
			fail("usrsctp's iterator thread does not start");
		usleep(1000);
	}
}

void start_stack(void)
{
	usrsctp_init(0, NULL, stack_debug);
	await_iterator();
	set_defaults();
	if (opt.raw_buffer != 0)
		widen();
}

void tell_stack(void)
{
	struct sctpstat stat;
	struct rusage use;

	usrsctp_get_stat(&stat);
	getrusage(RUSAGE_SELF, &use);
	say("STACK in=%u out=%u data_in=%u data_out=%u sacks_in=%u sacks_out=%u retransmitted=%u t3=%u window_probes=%u window_timer=%u heartbeat_timer=%u sack_timer=%u"
	    " fast=%u duplicates=%u badsum=%u badvtag=%u blue=%u restarts=%u rwnd_drops=%u chunk_drops=%u send_errors=%u"
	    " heartbeats_out=%u heartbeats_in=%u heartbeat_acks_in=%u end_timer=%u raw_drops=%u user_ms=%ld system_ms=%ld",
	    stat.sctps_inpackets, stat.sctps_outpackets, stat.sctps_recvdata, stat.sctps_senddata, stat.sctps_recvsacks, stat.sctps_sendsacks,
	    stat.sctps_sendretransdata, stat.sctps_timodata, stat.sctps_windowprobed, stat.sctps_timowindowprobe, stat.sctps_timoheartbeat, stat.sctps_timosack,
	    stat.sctps_sendfastretrans, stat.sctps_recvdupdata, stat.sctps_checksumerrors, stat.sctps_badvtag, stat.sctps_outoftheblue,
	    stat.sctps_restartestab, stat.sctps_datadroprwnd, stat.sctps_datadropchklmt, stat.sctps_senderrors,
	    stat.sctps_sendheartbeat, stat.sctps_recvheartbeat, stat.sctps_recvheartbeatack,
	    stat.sctps_timoshutdown + stat.sctps_timoshutdownack, raw_drops(),
	    use.ru_utime.tv_sec * 1000 + use.ru_utime.tv_usec / 1000, use.ru_stime.tv_sec * 1000 + use.ru_stime.tv_usec / 1000);
}

void tell_watch(struct session *s)
{
	struct sctpstat stat;
	struct sctp_status status;
	socklen_t size = sizeof status;

	memset(&status, 0, sizeof status);
	usrsctp_getsockopt(s->so, IPPROTO_SCTP, SCTP_STATUS, &status, &size);
	usrsctp_get_stat(&stat);
	say("WATCH port=%u unacked=%u data_out=%u retransmitted=%u t3=%u sacks_in=%u", s->port, status.sstat_unackdata,
	    stat.sctps_senddata, stat.sctps_sendretransdata, stat.sctps_timodata, stat.sctps_recvsacks);
}

void tell_authentication(void)
{
	struct sctpstat stat;

	usrsctp_get_stat(&stat);
	say("AUTH in=%u missing=%u bad_id=%u bad=%u", stat.sctps_recvauth, stat.sctps_recvauthmissing,
	    stat.sctps_recvivalhmacid, stat.sctps_recvauthfailed);
}
