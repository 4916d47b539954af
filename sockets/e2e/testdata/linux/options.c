/* Socket options: lengths, identifiers, scopes, and what is read after it was set. */
#include <stdlib.h>

#include "probe.h"

/* An option; a value that Linux takes, and whether what it reads is the same everywhere. */
struct option {
	const char *name;
	int level, number, size;
	bool told;
	union {
		uint8_t bytes[256];
		uint32_t words[64];
		struct sctp_rtoinfo rto;
		struct sctp_assocparams assoc;
		struct sctp_initmsg init;
		struct sctp_assoc_value value;
		struct sctp_sack_info sack;
		struct sctp_sndrcvinfo sndrcv;
		struct sctp_sndinfo snd;
		struct sctp_default_prinfo pr;
		struct sctp_paddrparams path;
		struct sctp_paddrthlds thresholds;
		struct sctp_paddrthlds_v2 thresholds2;
		struct sctp_event event;
	} v;
};

#define SCTP(o, type, is_told, ...) {#o, IPPROTO_SCTP, o, sizeof(type), is_told, {__VA_ARGS__}}

static const struct option options[] = {
	SCTP(SCTP_RTOINFO, struct sctp_rtoinfo, true, .rto = {0, 700, 9000, 600}),
	SCTP(SCTP_ASSOCINFO, struct sctp_assocparams, false, .assoc = {.sasoc_asocmaxrxt = 3, .sasoc_cookie_life = 9000}),
	SCTP(SCTP_INITMSG, struct sctp_initmsg, true, .init = {9, 1000, 3, 5000}),
	SCTP(SCTP_NODELAY, int, true, .words = {1}),
	SCTP(SCTP_AUTOCLOSE, int, true, .words = {100}),
	SCTP(SCTP_DISABLE_FRAGMENTS, int, true, .words = {1}),
	SCTP(SCTP_PEER_ADDR_PARAMS, struct sctp_paddrparams, true,
		.path = {.spp_hbinterval = 500, .spp_pathmaxrxt = 4, .spp_pathmtu = 1400, .spp_sackdelay = 100, .spp_dscp = 0xb9,
			.spp_flags = SPP_HB_ENABLE | SPP_PMTUD_DISABLE | SPP_SACKDELAY_ENABLE | SPP_DSCP}),
	SCTP(SCTP_DEFAULT_SEND_PARAM, struct sctp_sndrcvinfo, true, .sndrcv = {.sinfo_stream = 1, .sinfo_flags = SCTP_UNORDERED, .sinfo_ppid = 2, .sinfo_context = 3}),
	SCTP(SCTP_EVENTS, uint64_t, true, .bytes = {0, 1, 1}),
	SCTP(SCTP_I_WANT_MAPPED_V4_ADDR, int, true, .words = {1}),
	SCTP(SCTP_MAXSEG, struct sctp_assoc_value, true, .value = {0, 700}),
	SCTP(SCTP_DELAYED_SACK, struct sctp_sack_info, true, .sack = {0, 92, 4}),
	SCTP(SCTP_CONTEXT, struct sctp_assoc_value, true, .value = {0, 9}),
	SCTP(SCTP_FRAGMENT_INTERLEAVE, int, true, .words = {1}),
	SCTP(SCTP_PARTIAL_DELIVERY_POINT, uint32_t, true, .words = {5000}),
	SCTP(SCTP_MAX_BURST, struct sctp_assoc_value, true, .value = {0, 7}),
	SCTP(SCTP_ADAPTATION_LAYER, uint32_t, true, .words = {77}),
	SCTP(SCTP_PEER_ADDR_THLDS, struct sctp_paddrthlds, true, .thresholds = {.spt_pathmaxrxt = 6, .spt_pathpfthld = 2}),
	SCTP(SCTP_PEER_ADDR_THLDS_V2, struct sctp_paddrthlds_v2, true, .thresholds2 = {.spt_pathmaxrxt = 7, .spt_pathpfthld = 1, .spt_pathcpthld = 3}),
	SCTP(SCTP_RECVRCVINFO, int, true, .words = {1}),
	SCTP(SCTP_RECVNXTINFO, int, true, .words = {1}),
	SCTP(SCTP_DEFAULT_SNDINFO, struct sctp_sndinfo, true, .snd = {.snd_sid = 2, .snd_ppid = 3, .snd_context = 4}),
	SCTP(SCTP_REUSE_PORT, int, true, .words = {1}),
	SCTP(SCTP_DEFAULT_PRINFO, struct sctp_default_prinfo, true, .words = {0}),
	SCTP(SCTP_EVENT, struct sctp_event, true, .event = {0, SCTP_SHUTDOWN_EVENT, 1}),
	SCTP(SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, struct sctp_assoc_value, true, .value = {0, 2}),
	SCTP(SCTP_STATUS, struct sctp_status, false, .words = {0}),
	SCTP(SCTP_GET_PEER_ADDR_INFO, struct sctp_paddrinfo, false, .words = {0}),
	SCTP(SCTP_PRIMARY_ADDR, struct sctp_prim, false, .words = {0}),
	SCTP(SCTP_SET_PEER_PRIMARY_ADDR, struct sctp_setpeerprim, false, .words = {0}),
	SCTP(SCTP_GET_ASSOC_NUMBER, uint32_t, true, .words = {0}),
	SCTP(SCTP_GET_ASSOC_STATS, struct sctp_assoc_stats, false, .words = {0}),
	SCTP(SCTP_ENABLE_STREAM_RESET, struct sctp_assoc_value, true, .value = {0, 0}),
	SCTP(SCTP_RESET_STREAMS, struct sctp_reset_streams, true, .words = {0}),
	SCTP(SCTP_RESET_ASSOC, sctp_assoc_t, true, .words = {0}),
	SCTP(SCTP_ADD_STREAMS, struct sctp_add_streams, true, .words = {0, 1}),
	SCTP(SCTP_STREAM_SCHEDULER, struct sctp_assoc_value, true, .value = {0, 0}),
	SCTP(SCTP_STREAM_SCHEDULER_VALUE, struct sctp_stream_value, true, .words = {0}),
	SCTP(SCTP_INTERLEAVING_SUPPORTED, struct sctp_assoc_value, true, .value = {0, 1}),
	SCTP(SCTP_PR_ASSOC_STATUS, struct sctp_prstatus, true, .bytes = {[6] = 0x80}),
	SCTP(SCTP_PR_STREAM_STATUS, struct sctp_prstatus, true, .bytes = {[6] = 0x80}),
	SCTP(SCTP_REMOTE_UDP_ENCAPS_PORT, struct sctp_udpencaps, true, .words = {0}),
	SCTP(SCTP_PLPMTUD_PROBE_INTERVAL, struct sctp_probeinterval, true, .words = {0}),
	SCTP(SCTP_AUTH_CHUNK, uint8_t, true, .bytes = {0}),
	SCTP(SCTP_AUTH_ACTIVE_KEY, struct sctp_authkeyid, true, .words = {0}),
	SCTP(SCTP_AUTH_DELETE_KEY, struct sctp_authkeyid, true, .words = {0, 9}),
	SCTP(SCTP_AUTH_DEACTIVATE_KEY, struct sctp_authkeyid, true, .words = {0, 9}),
	{"SCTP_EXPLICIT_EOR", IPPROTO_SCTP, 200, sizeof(int), true, {.words = {1}}},
	{"IP_TOS", IPPROTO_IP, IP_TOS, sizeof(int), true, {.words = {0x28}}},
	{"IP_TTL", IPPROTO_IP, IP_TTL, sizeof(int), true, {.words = {9}}},
};

/* Where an option has the identifier of an association; -1 is nowhere. */
static int identifier(const struct option *o)
{
	if (o->level != IPPROTO_SCTP || o->size < 4 || o->number == SCTP_INITMSG || o->number == SCTP_EVENTS || (o->size == 4 && o->number != SCTP_RESET_ASSOC))
		return -1;
	if (o->number == SCTP_DEFAULT_SEND_PARAM || o->number == SCTP_DEFAULT_SNDINFO)
		return o->size - 4;
	return 0;
}

static char step[96];

static const char *name(const struct option *o, const char *what)
{
	snprintf(step, sizeof step, "%s %s", o->name, what);
	return step;
}

static int set(int fd, const struct option *o, const char *what, sctp_assoc_t id, int more)
{
	struct option v = *o;

	if (identifier(o) >= 0)
		memcpy(v.v.bytes + identifier(o), &id, sizeof id);
	return (int)did(name(o, what), setsockopt(fd, o->level, o->number, v.v.bytes, (socklen_t)(o->size + more)));
}

/* Reads, and tells the value but for the identifier. */
static void get(int fd, const struct option *o, const char *what, sctp_assoc_t id, int more)
{
	struct option v = *o;
	socklen_t n = (socklen_t)(o->size + more);
	char hex[2 * sizeof v.v + 1] = "";

	if (identifier(o) >= 0)
		memcpy(v.v.bytes + identifier(o), &id, sizeof id);
	if (getsockopt(fd, o->level, o->number, v.v.bytes, &n) < 0) {
		did(name(o, what), -1);
		return;
	}
	if (identifier(o) >= 0)
		memset(v.v.bytes + identifier(o), 0, sizeof id);
	if (o->number == SCTP_PEER_ADDR_PARAMS) /* the MTU of the loopback */
		v.v.path.spp_pathmtu = 0;
	for (socklen_t i = 0; o->told && i < n; i++)
		sprintf(hex + 2 * i, "%02x", v.v.bytes[i]);
	say(name(o, what), "%u %s", n, hex);
}

static void each(int fd, sctp_assoc_t id, bool scopes)
{
	for (const struct option *o = options; o < options + COUNT(options); o++) {
		if (o->number != SCTP_MAXSEG || id == 0) /* of an association it is what its MTU lets be */
			get(fd, o, "get", id, 0);
		get(fd, o, "get short", id, -1);
		get(fd, o, "get long", id, 8);
		get(fd, o, "get no such", 4711, 0);
		set(fd, o, "set short", id, -1);
		set(fd, o, "set no such", 4711, 0);
		if (set(fd, o, "set", id, 0) == 0)
			get(fd, o, "then", id, 0);
		set(fd, o, "set long", id, 4);
		if (scopes) {
			set(fd, o, "set current", SCTP_CURRENT_ASSOC, 0);
			set(fd, o, "set all", SCTP_ALL_ASSOC, 0);
			get(fd, o, "get current", SCTP_CURRENT_ASSOC, 0);
		}
	}
}

static void fresh_one(void) { each(stream(), 0, false); }
static void fresh_many(void) { each(seqpacket(), 0, true); }

static void connected_one(void)
{
	int p[2];

	couple(p);
	each(p[0], 0, false);
}

static void connected_many(void)
{
	int p[2];
	sctp_assoc_t ids[2];

	couple_many(p, ids);
	each(p[0], ids[0], false);
}

/* What a listener is told, its children have; what they are told, it has not. */
static void inherited(void)
{
	int l = listening(stream()), c;

	for (const struct option *o = options; o < options + COUNT(options); o++)
		if (o->told && o->number != SCTP_REUSE_PORT && o->number != SCTP_AUTOCLOSE)
			set(l, o, "listener", 0, 0);
	connected(stream(), l);
	c = accept(l, NULL, NULL);
	for (const struct option *o = options; o < options + COUNT(options); o++)
		if (o->told)
			get(c, o, "child", 0, 0);
}

const struct probe option_probes[] = {
	{"options-one", V4 | V6, fresh_one},
	{"options-many", V4, fresh_many},
	{"options-connected", V4, connected_one},
	{"options-associated", V4, connected_many},
	{"options-inherited", V4, inherited},
	{0},
};
