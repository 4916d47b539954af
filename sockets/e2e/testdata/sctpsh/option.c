/* Socket options that the tests turn. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sctpsh.h"

/* set FD LEVEL NAME INT, get FD LEVEL NAME: options that are an int. */
static int do_set(struct words *w)
{
	int v = (int)number(w->argv[4]);

	return setsockopt((int)number(w->argv[1]), (int)number(w->argv[2]), (int)number(w->argv[3]), &v, sizeof v);
}

static int do_get(struct words *w)
{
	int v = 0;
	socklen_t n = sizeof v;

	if (getsockopt((int)number(w->argv[1]), (int)number(w->argv[2]), (int)number(w->argv[3]), &v, &n) < 0)
		return -1;
	ok("%d", v);
	return 0;
}

/* setassoc FD NAME INT [ASSOC], for options that are struct sctp_assoc_value. */
static int do_setassoc(struct words *w)
{
	struct sctp_assoc_value v = {.assoc_value = (uint32_t)number(w->argv[3])};

	if (w->argc > 4)
		v.assoc_id = (sctp_assoc_t)number(w->argv[4]);
	return setsockopt((int)number(w->argv[1]), IPPROTO_SCTP, (int)number(w->argv[2]), &v, sizeof v);
}

static int do_primary(struct words *w)
{
	struct sctp_prim p = {0};
	socklen_t n = sizeof p;
	union address a;

	if (w->argc > 3) {
		if (parse_address(w->argv[2], number(w->argv[3]), &a) < 0)
			return -1;
		memcpy(&p.ssp_addr, &a, length_of(&a));
		return setsockopt((int)number(w->argv[1]), IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &p, sizeof p);
	}
	if (getsockopt((int)number(w->argv[1]), IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &p, &n) < 0)
		return -1;
	ok("%s", text_of((const void *)&p.ssp_addr));
	return 0;
}

static int do_peerprimary(struct words *w)
{
	struct sctp_setpeerprim p = {0};
	union address a;

	if (parse_address(w->argv[2], number(w->argv[3]), &a) < 0)
		return -1;
	memcpy(&p.sspp_addr, &a, length_of(&a));
	return setsockopt((int)number(w->argv[1]), IPPROTO_SCTP, SCTP_SET_PEER_PRIMARY_ADDR, &p, sizeof p);
}

static const char *path_state(int32_t s)
{
	switch (s) {
	case SCTP_INACTIVE: return "INACTIVE";
	case SCTP_PF: return "PF";
	case SCTP_ACTIVE: return "ACTIVE";
	case SCTP_UNCONFIRMED: return "UNCONFIRMED";
	default: return "?";
	}
}

static int do_path(struct words *w)
{
	struct sctp_paddrinfo p = {0};
	socklen_t n = sizeof p;
	union address a;

	if (parse_address(w->argv[2], number(w->argv[3]), &a) < 0)
		return -1;
	memcpy(&p.spinfo_address, &a, length_of(&a));
	if (getsockopt((int)number(w->argv[1]), IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &p, &n) < 0)
		return -1;
	ok("%s cwnd=%u srtt=%u rto=%u mtu=%u", path_state(p.spinfo_state), p.spinfo_cwnd, p.spinfo_srtt, p.spinfo_rto, p.spinfo_mtu);
	return 0;
}

static int do_status(struct words *w)
{
	struct sctp_status s = {0};
	socklen_t n = sizeof s;

	if (w->argc > 2)
		s.sstat_assoc_id = (sctp_assoc_t)number(w->argv[2]);
	if (getsockopt((int)number(w->argv[1]), IPPROTO_SCTP, SCTP_STATUS, &s, &n) < 0)
		return -1;
	ok("assoc=%d state=%d rwnd=%u unacked=%u pending=%u in=%u out=%u frag=%u primary=%s", (int)s.sstat_assoc_id, s.sstat_state,
	   s.sstat_rwnd, s.sstat_unackdata, s.sstat_penddata, s.sstat_instrms, s.sstat_outstrms, s.sstat_fragmentation_point,
	   text_of((const void *)&s.sstat_primary.spinfo_address));
	return 0;
}

/* timers FD RTO_INITIAL RTO_MAX RTO_MIN HB_INTERVAL PATH_RETRANS, in ms. */
static int do_timers(struct words *w)
{
	int fd = (int)number(w->argv[1]);
	struct sctp_rtoinfo r = {.srto_initial = (uint32_t)number(w->argv[2]), .srto_max = (uint32_t)number(w->argv[3]), .srto_min = (uint32_t)number(w->argv[4])};
	struct sctp_paddrparams p = {.spp_hbinterval = (uint32_t)number(w->argv[5]), .spp_pathmaxrxt = (uint16_t)number(w->argv[6]), .spp_flags = SPP_HB_ENABLE};

	p.spp_address.ss_family = AF_INET;
	if (setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, &r, sizeof r) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &p, sizeof p);
}

/* auth FD CHUNK [SECRET]: the peer must authenticate such chunks; both do it with the shared key 1. */
static int do_auth(struct words *w)
{
	int fd = (int)number(w->argv[1]);
	struct sctp_authchunk chunk = {.sauth_chunk = (uint8_t)number(w->argv[2])};
	struct sctp_authkeyid active = {.scact_keynumber = 1};
	uint8_t room[sizeof(struct sctp_authkey) + 64] = {0};
	struct sctp_authkey *key = (void *)room;

	if (setsockopt(fd, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &chunk, sizeof chunk) < 0)
		return -1;
	if (w->argc < 4)
		return 0;
	key->sca_keynumber = active.scact_keynumber;
	key->sca_keylength = (uint16_t)strnlen(w->argv[3], 64);
	memcpy(key->sca_key, w->argv[3], key->sca_keylength);
	if (setsockopt(fd, IPPROTO_SCTP, SCTP_AUTH_KEY, key, (socklen_t)(sizeof *key + key->sca_keylength)) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_SCTP, SCTP_AUTH_ACTIVE_KEY, &active, sizeof active);
}

/* events FD TYPE…: subscribes to them with SCTP_EVENT, and to the data's particulars. */
static int do_events(struct words *w)
{
	int on = 1, fd = (int)number(w->argv[1]);
	struct sctp_event_subscribe data = {.sctp_data_io_event = 1};

	if (setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, &data, sizeof data) < 0)
		return -1;
	for (int i = 2; i < w->argc; i++) {
		struct sctp_event e = {.se_type = (uint16_t)number(w->argv[i]), .se_on = (uint8_t)on};

		if (setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e) < 0)
			return -1;
	}
	return 0;
}

const struct verb option_verbs[] = {
	{"set", 4, do_set, "FD LEVEL NAME INT"},
	{"get", 3, do_get, "FD LEVEL NAME"},
	{"setassoc", 3, do_setassoc, "FD NAME INT [ASSOC]"},
	{"primary", 1, do_primary, "FD [ADDRESS PORT]"},
	{"peerprimary", 3, do_peerprimary, "FD ADDRESS PORT"},
	{"path", 3, do_path, "FD ADDRESS PORT"},
	{"status", 1, do_status, "FD [ASSOC]"},
	{"timers", 6, do_timers, "FD RTO_INITIAL RTO_MAX RTO_MIN HB_INTERVAL PATH_RETRANS"},
	{"auth", 2, do_auth, "FD CHUNK [SECRET]"},
	{"events", 1, do_events, "FD TYPE…"},
	{0},
};
