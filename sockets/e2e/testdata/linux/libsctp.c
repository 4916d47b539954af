/* What libsctp adds. */
#include <stdlib.h>

#include "probe.h"

static void addrs(void)
{
	int p[2], fd = seqpacket();
	sctp_assoc_t ids[2];
	struct sockaddr *list = NULL;

	count("getpaddrs of none", sctp_getpaddrs(fd, 0, &list));
	count("getladdrs of none", sctp_getladdrs(fd, 0, &list));
	count("getladdrs no such", sctp_getladdrs(fd, 77, &list));
	count("getpaddrs unconnected", sctp_getpaddrs(stream(), 0, &list));
	couple_many(p, ids);
	count("getpaddrs 0", sctp_getpaddrs(p[0], 0, &list));
	count("getpaddrs", sctp_getpaddrs(p[0], ids[0], &list));
	say("is", "%s", text(list));
	sctp_freepaddrs(list);
	count("getladdrs", sctp_getladdrs(p[0], ids[0], &list));
	say("is", "%s", text(list));
	sctp_freeladdrs(list);
	couple(p);
	count("getpaddrs one-to-one", sctp_getpaddrs(p[0], 0, &list));
	say("is", "%s", text(list));
	count("getladdrs one-to-one", sctp_getladdrs(p[1], 0, &list));
	say("is", "%s", text(list));
}

static void opt_info(void)
{
	int p[2];
	sctp_assoc_t ids[2];
	static const struct { const char *name; int option, size; } options[] = {
		{"SCTP_STATUS", SCTP_STATUS, sizeof(struct sctp_status)},
		{"SCTP_RTOINFO", SCTP_RTOINFO, sizeof(struct sctp_rtoinfo)},
		{"SCTP_ASSOCINFO", SCTP_ASSOCINFO, sizeof(struct sctp_assocparams)},
		{"SCTP_PRIMARY_ADDR", SCTP_PRIMARY_ADDR, sizeof(struct sctp_prim)},
		{"SCTP_PEER_ADDR_PARAMS", SCTP_PEER_ADDR_PARAMS, sizeof(struct sctp_paddrparams)},
		{"SCTP_GET_PEER_ADDR_INFO", SCTP_GET_PEER_ADDR_INFO, sizeof(struct sctp_paddrinfo)},
		{"SCTP_INITMSG", SCTP_INITMSG, sizeof(struct sctp_initmsg)},
		{"SCTP_MAXSEG", SCTP_MAXSEG, sizeof(struct sctp_assoc_value)},
	};

	couple_many(p, ids);
	for (int i = 0; i < COUNT(options); i++)
		for (int d = -1; d <= 4; d += 5) {
			char room[512] = {0}, step[60];
			socklen_t n = (socklen_t)(options[i].size + d);

			snprintf(step, sizeof step, "%s %+d", options[i].name, d);
			if (did(step, sctp_opt_info(p[0], ids[0], options[i].option, room, &n)) == 0)
				say("length", "%+d", (int)n - options[i].size);
		}
}

static void sendv(void)
{
	int p[2], fd = bound(seqpacket(), 0), l = listening(seqpacket()), flags;
	struct iovec iov[2] = {{"hel", 3}, {"lo", 2}};
	union address a = at(0, port_of(l)), from;
	char b[64];
	struct iovec in = {b, sizeof b};
	struct sctp_sendv_spa spa = {.sendv_flags = SCTP_SEND_SNDINFO_VALID, .sendv_sndinfo = {.snd_sid = 1, .snd_ppid = 9}};
	struct sctp_prinfo pr = {.pr_policy = SCTP_PR_SCTP_NONE};
	struct sctp_authinfo auth = {.auth_keynumber = 3};
	struct sctp_recvv_rn rn;
	socklen_t n, size = sizeof rn;
	unsigned type;

	setsockopt(fd, IPPROTO_SCTP, SCTP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(l, IPPROTO_SCTP, SCTP_RECVRCVINFO, &(int){1}, sizeof(int));
	setsockopt(l, IPPROTO_SCTP, SCTP_RECVNXTINFO, &(int){1}, sizeof(int));
	count("to an address", sctp_sendv(fd, iov, 2, &a.any, 1, &spa, sizeof spa, SCTP_SENDV_SPA, 0));
	count("no info", sctp_sendv(fd, iov, 2, &a.any, 1, NULL, 0, SCTP_SENDV_NOINFO, 0));
	count("sndinfo", sctp_sendv(fd, iov, 2, &a.any, 1, &spa.sendv_sndinfo, sizeof spa.sendv_sndinfo, SCTP_SENDV_SNDINFO, 0));
	count("prinfo", sctp_sendv(fd, iov, 2, &a.any, 1, &pr, sizeof pr, SCTP_SENDV_PRINFO, 0));
	count("authinfo", sctp_sendv(fd, iov, 2, &a.any, 1, &auth, sizeof auth, SCTP_SENDV_AUTHINFO, 0));
	count("wrong size", sctp_sendv(fd, iov, 2, &a.any, 1, &pr, 1, SCTP_SENDV_PRINFO, 0));
	count("wrong type", sctp_sendv(fd, iov, 2, &a.any, 1, &pr, sizeof pr, 99, 0));
	nap(50);
	for (int i = 0; i < 4; i++) {
		memset(&rn, 0, sizeof rn);
		n = sizeof from;
		size = sizeof rn;
		flags = 0;
		type = 99;
		count("recvv", sctp_recvv(l, &in, 1, &from.any, &n, &rn, &size, &type, &flags));
		say("type", "%u size %u flags %#x from %s sid %u ppid %u next %u", type, size, flags, text(&from), rn.recvv_rcvinfo.rcv_sid, rn.recvv_rcvinfo.rcv_ppid, type == SCTP_RECVV_RN ? rn.recvv_nxtinfo.nxt_length : 0);
	}
	couple(p);
	count("sctp_send", sctp_send(p[0], "x", 1, &(struct sctp_sndrcvinfo){.sinfo_stream = 3}, 0));
	count("sctp_sendmsg", sctp_sendmsg(p[0], "x", 1, NULL, 0, 0, 0, 4, 0, 0));
	count("sctp_sendmsg bad stream", sctp_sendmsg(p[0], "x", 1, NULL, 0, 0, 0, 400, 0, 0));
}

const struct probe libsctp_probes[] = {
	{"addrs", ALL, addrs},
	{"opt-info", V4, opt_info},
	{"sendv", V4 | V6, sendv},
	{0},
};
