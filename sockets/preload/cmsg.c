/* A message's name, ancillary data and flags to a frame's header and back. The
 * checks are those of Linux: what has the wrong form is EINVAL. */
#include <netinet/in.h>
#include <string.h>

#include <linux/sctp.h>

#include "trunkline.h"

enum { /* what Linux lets pass in sinfo_flags */
	SEND_FLAGS = SCTP_UNORDERED | SCTP_ADDR_OVER | SCTP_SACK_IMMEDIATELY | SCTP_SENDALL | SCTP_PR_SCTP_MASK | SCTP_ABORT | SCTP_EOF,
};

/* What was given, each kind the last time. */
struct given {
	struct sctp_sndrcvinfo sndrcv;
	struct sctp_sndinfo sndinfo;
	struct sctp_prinfo prinfo;
};

/* Puts together what several kinds say about one thing, in Linux's order. */
static void fill(struct tl_frame *f, const struct given *g)
{
	if (f->flags & TL_F_SNDRCV) {
		f->stream = g->sndrcv.sinfo_stream;
		f->sinfo_flags = g->sndrcv.sinfo_flags;
		f->ppid = g->sndrcv.sinfo_ppid;
		f->context = g->sndrcv.sinfo_context;
		f->timetolive = g->sndrcv.sinfo_timetolive;
		f->assoc_id = g->sndrcv.sinfo_assoc_id;
	}
	if (f->flags & TL_F_SNDINFO) {
		f->stream = g->sndinfo.snd_sid;
		f->sinfo_flags = g->sndinfo.snd_flags;
		f->ppid = g->sndinfo.snd_ppid;
		f->context = g->sndinfo.snd_context;
		f->assoc_id = g->sndinfo.snd_assoc_id;
	}
	if (f->flags & TL_F_PRINFO) {
		f->timetolive = g->prinfo.pr_policy == SCTP_PR_SCTP_NONE ? 0 : g->prinfo.pr_value;
		f->sinfo_flags = (uint16_t)((f->sinfo_flags & ~SCTP_PR_SCTP_MASK) | g->prinfo.pr_policy);
	}
}

static int parse_address(const void *data, bool six, struct tl_extra *extra)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
	struct sockaddr_in a4 = {.sin_family = AF_INET};
	const void *from = six ? (void *)&a6 : (void *)&a4;
	size_t size = six ? sizeof a6 : sizeof a4;
	if (six)
		memcpy(&a6.sin6_addr, data, sizeof a6.sin6_addr);
	else
		memcpy(&a4.sin_addr, data, sizeof a4.sin_addr);
	if (extra->addrs_length + size > sizeof extra->addrs)
		return EINVAL;
	memcpy(extra->addrs + extra->addrs_length, from, size);
	extra->addrs_length += size;
	return 0;
}

/* Sizes of ancillary data by type; 0: not for sending. */
static const uint8_t sizes[] = {
	[SCTP_INIT] = sizeof(struct sctp_initmsg),
	[SCTP_SNDRCV] = sizeof(struct sctp_sndrcvinfo),
	[SCTP_SNDINFO] = sizeof(struct sctp_sndinfo),
	[SCTP_PRINFO] = sizeof(struct sctp_prinfo),
	[SCTP_AUTHINFO] = sizeof(struct sctp_authinfo),
	[SCTP_DSTADDRV4] = sizeof(struct in_addr),
	[SCTP_DSTADDRV6] = sizeof(struct in6_addr),
};

static int parse_one(const struct cmsghdr *c, struct tl_frame *f, struct given *g, struct tl_extra *extra)
{
	const void *data = CMSG_DATA(c);
	size_t type = (size_t)c->cmsg_type;
	if (type >= sizeof sizes || sizes[type] == 0 || c->cmsg_len < CMSG_LEN(sizes[type]))
		return EINVAL;
	bool address = type == SCTP_DSTADDRV4 || type == SCTP_DSTADDRV6;
	if (c->cmsg_len != CMSG_LEN(sizes[type]) && !address)
		return EINVAL;
	switch (type) {
	case SCTP_INIT:
		extra->init = data;
		return 0;
	case SCTP_SNDRCV:
		f->flags |= TL_F_SNDRCV;
		memcpy(&g->sndrcv, data, sizeof g->sndrcv);
		return g->sndrcv.sinfo_flags & ~SEND_FLAGS ? EINVAL : 0;
	case SCTP_SNDINFO:
		f->flags |= TL_F_SNDINFO;
		memcpy(&g->sndinfo, data, sizeof g->sndinfo);
		return g->sndinfo.snd_flags & ~SEND_FLAGS ? EINVAL : 0;
	case SCTP_PRINFO:
		f->flags |= TL_F_PRINFO;
		memcpy(&g->prinfo, data, sizeof g->prinfo);
		return g->prinfo.pr_policy & ~SCTP_PR_SCTP_MASK ? EINVAL : 0;
	case SCTP_AUTHINFO:
		f->flags |= TL_F_AUTHINFO;
		memcpy(&f->keynumber, data, sizeof f->keynumber);
		return 0;
	}
	return parse_address(data, type == SCTP_DSTADDRV6, extra);
}

static int parse_name(const struct msghdr *m, struct tl_frame *frame)
{
	struct sockaddr a;
	if (m->msg_namelen < sizeof a)
		return EINVAL;
	memcpy(&a, m->msg_name, sizeof a);
	socklen_t size = a.sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if ((a.sa_family != AF_INET && a.sa_family != AF_INET6) || m->msg_namelen < size)
		return EINVAL;
	/* What is behind an IPv4 address is not part of it. */
	memcpy(frame->addr, m->msg_name, a.sa_family == AF_INET ? offsetof(struct sockaddr_in, sin_zero) : size);
	frame->addr_length = (uint16_t)size;
	frame->flags |= TL_F_NAMED;
	return 0;
}

int tl_parse(const struct msghdr *m, int flags, struct tl_frame *frame, struct tl_extra *extra)
{
	extra->init = NULL;
	extra->addrs_length = 0;
	if (flags & MSG_EOR)
		frame->flags |= TL_F_EOR;
	int error = m->msg_name != NULL && m->msg_namelen != 0 ? parse_name(m, frame) : 0;
	if (error != 0 || m->msg_control == NULL || m->msg_controllen == 0)
		return error;
	struct given given;
	struct msghdr walk = *m;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&walk); c != NULL; c = CMSG_NXTHDR(&walk, c)) {
		if (c->cmsg_len < sizeof *c || c->cmsg_len > (size_t)((char *)walk.msg_control + walk.msg_controllen - (char *)c))
			return EINVAL;
		error = c->cmsg_level == IPPROTO_SCTP ? parse_one(c, frame, &given, extra) : 0;
		if (error != 0)
			return error;
	}
	fill(frame, &given);
	return 0;
}

/* Appends ancillary data at *used, cut to the room that there is. */
static void put(struct msghdr *m, size_t *used, int type, const void *data, size_t size)
{
	size_t room = m->msg_control == NULL ? 0 : m->msg_controllen - *used;
	if (room < sizeof(struct cmsghdr)) {
		m->msg_flags |= MSG_CTRUNC;
		return;
	}
	size_t length = CMSG_LEN(size);
	if (length > room) {
		m->msg_flags |= MSG_CTRUNC;
		length = room;
	}
	struct cmsghdr c = {.cmsg_level = IPPROTO_SCTP, .cmsg_type = type, .cmsg_len = length};
	char *at = (char *)m->msg_control + *used;
	memcpy(at, &c, sizeof c);
	memcpy(at + CMSG_LEN(0), data, length - CMSG_LEN(0));
	*used += CMSG_SPACE(size) < room ? CMSG_SPACE(size) : room;
}

static void put_received(struct msghdr *m, size_t *used, const struct tl_frame *f, unsigned wanted)
{
	if (wanted & TL_S_RCVINFO) {
		struct sctp_rcvinfo info = {
			.rcv_sid = f->stream, .rcv_ssn = f->ssn, .rcv_flags = f->sinfo_flags, .rcv_ppid = f->ppid, .rcv_tsn = f->tsn,
			.rcv_cumtsn = f->cumtsn, .rcv_context = f->context, .rcv_assoc_id = f->assoc_id,
		};
		put(m, used, SCTP_RCVINFO, &info, sizeof info);
	}
	if (wanted & TL_S_SNDRCV) {
		struct sctp_sndrcvinfo info = {
			.sinfo_stream = f->stream, .sinfo_ssn = f->ssn, .sinfo_flags = f->sinfo_flags, .sinfo_ppid = f->ppid, .sinfo_context = f->context,
			.sinfo_tsn = f->tsn, .sinfo_cumtsn = f->cumtsn, .sinfo_assoc_id = f->assoc_id,
		};
		put(m, used, SCTP_SNDRCV, &info, sizeof info);
	}
}

void tl_describe(struct msghdr *m, const struct tl_frame *f, uint16_t state, bool whole)
{
	unsigned wanted = state;
	wanted |= f->flags & TL_F_SNDRCV ? TL_S_SNDRCV : 0;
	wanted |= f->flags & TL_F_RCVINFO ? TL_S_RCVINFO : 0;
	wanted |= f->flags & TL_F_NXTINFO ? TL_S_NXTINFO : 0;

	m->msg_flags = whole && (f->flags & TL_F_EOR) ? MSG_EOR : 0;
	if (f->kind == TL_NOTIFICATION)
		m->msg_flags |= MSG_NOTIFICATION;
	if (m->msg_name != NULL)
		tl_put_address(m->msg_name, &m->msg_namelen, f->addr, f->addr_length <= sizeof f->addr ? f->addr_length : 0);

	size_t used = 0;
	if ((wanted & TL_S_NXTINFO) && (f->flags & TL_F_NEXT)) {
		struct sctp_nxtinfo info = {
			.nxt_sid = f->next_stream, .nxt_flags = f->next_flags, .nxt_ppid = f->next_ppid, .nxt_length = f->next_length,
			.nxt_assoc_id = f->next_assoc_id,
		};
		put(m, &used, SCTP_NXTINFO, &info, sizeof info);
	}
	if (f->kind == TL_DATA)
		put_received(m, &used, f, wanted);
	m->msg_controllen = used;
}
