/* The kernel's defaults and counters. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

static void sysctl(const char *name, uint32_t value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	f = fopen(path, "w");
	if (f == NULL || fprintf(f, "%u\n", value) < 0 || fclose(f) != 0)
		fail("cannot set %s to %u", path, value);
}

void start_stack(void)
{
	signal(SIGPIPE, SIG_IGN);
	sysctl("core/rmem_max", opt.buffer);
	sysctl("core/wmem_max", opt.buffer);
	sysctl("sctp/rto_min", opt.rto_min);
	sysctl("sctp/rto_max", opt.rto_max);
	sysctl("sctp/rto_initial", opt.rto_max);
	sysctl("sctp/hb_interval", opt.heartbeat);
	sysctl("sctp/path_max_retrans", opt.path_retrans);
	sysctl("sctp/association_max_retrans", ASSOC_RETRANS);
	sysctl("sctp/max_init_retransmits", 20);
	sysctl("sctp/addip_enable", opt.hmac != 0);
	sysctl("sctp/auth_enable", opt.hmac != 0);
}

static unsigned long long counter(const char *name)
{
	FILE *f = fopen("/proc/net/sctp/snmp", "r");
	unsigned long long value = 0;
	char key[64];

	while (f != NULL && fscanf(f, "%63s %llu", key, &value) == 2)
		if (strcmp(key, name) == 0) {
			fclose(f);
			return value;
		}
	fail("the kernel has no counter %s", name);
}

void tell_stack(void)
{
	say("STACK in=%llu out=%llu retransmitted=%llu t3=%llu fast=%llu badsum=%llu blue=%llu discards=%llu data_discards=%llu",
	    counter("SctpInSCTPPacks"), counter("SctpOutSCTPPacks"), counter("SctpT3Retransmits"), counter("SctpT3RtxExpireds"),
	    counter("SctpFastRetransmits"), counter("SctpChecksumErrors"), counter("SctpOutOfBlues"),
	    counter("SctpInPktDiscards"), counter("SctpInDataChunkDiscards"));
}

void tell_watch(struct session *s)
{
	(void)s;
}

/* The kernel counts nothing of RFC 4895. */
void tell_authentication(void)
{
}
