/* Notifications: what comes when, byte by byte. */
#include <stddef.h>
#include <stdlib.h>

#include "probe.h"

static const char *const assoc_states[] = {"COMM_UP", "COMM_LOST", "RESTART", "SHUTDOWN_COMP", "CANT_STR_ASSOC"};
static const char *const address_states[] = {"AVAILABLE", "UNREACHABLE", "REMOVED", "ADDED", "MADE_PRIM", "CONFIRMED", "POTENTIALLY_FAILED"};

static void say_bytes(char *out, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n && i < 40; i++)
		out += sprintf(out, "%02x", from[i]);
	*out = 0;
}

static void say_notification(const char *step, const union sctp_notification *s, size_t n, int whole)
{
	char tail[100] = "";
	const uint8_t *bytes = (const void *)s;

	if (n != s->sn_header.sn_length || !whole)
		say(step, "length %zu of %u", n, s->sn_header.sn_length);
	switch (s->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		say_bytes(tail, s->sn_assoc_change.sac_info, n - offsetof(struct sctp_assoc_change, sac_info));
		say(step, "ASSOC_CHANGE %s flags=%u error=%u out=%u in=%u id=%d info=%s", assoc_states[s->sn_assoc_change.sac_state], s->sn_assoc_change.sac_flags,
		    s->sn_assoc_change.sac_error, s->sn_assoc_change.sac_outbound_streams, s->sn_assoc_change.sac_inbound_streams,
		    s->sn_assoc_change.sac_assoc_id != 0, tail);
		return;
	case SCTP_PEER_ADDR_CHANGE:
		say(step, "PEER_ADDR_CHANGE %s %s flags=%u error=%d id=%d length=%u", address_states[s->sn_paddr_change.spc_state], text(&s->sn_paddr_change.spc_aaddr),
		    s->sn_paddr_change.spc_flags, s->sn_paddr_change.spc_error, s->sn_paddr_change.spc_assoc_id != 0, s->sn_paddr_change.spc_length);
		return;
	case SCTP_REMOTE_ERROR:
		say(step, "REMOTE_ERROR error=%u length=%u", s->sn_remote_error.sre_error, s->sn_remote_error.sre_length);
		return;
	case SCTP_SEND_FAILED:
		say_bytes(tail, s->sn_send_failed.ssf_data, n - offsetof(struct sctp_send_failed, ssf_data));
		say(step, "SEND_FAILED flags=%u error=%u stream=%u sflags=%#x ppid=%#x context=%u id=%d data=%s", s->sn_send_failed.ssf_flags, s->sn_send_failed.ssf_error,
		    s->sn_send_failed.ssf_info.sinfo_stream, s->sn_send_failed.ssf_info.sinfo_flags, s->sn_send_failed.ssf_info.sinfo_ppid,
		    s->sn_send_failed.ssf_info.sinfo_context, s->sn_send_failed.ssf_assoc_id != 0, tail);
		return;
	case SCTP_SEND_FAILED_EVENT:
		say_bytes(tail, s->sn_send_failed_event.ssf_data, n - offsetof(struct sctp_send_failed_event, ssf_data));
		say(step, "SEND_FAILED_EVENT flags=%u error=%u sid=%u sflags=%#x ppid=%#x context=%u id=%d data=%s", s->sn_send_failed_event.ssf_flags, s->sn_send_failed_event.ssf_error,
		    s->sn_send_failed_event.ssfe_info.snd_sid, s->sn_send_failed_event.ssfe_info.snd_flags, s->sn_send_failed_event.ssfe_info.snd_ppid,
		    s->sn_send_failed_event.ssfe_info.snd_context, s->sn_send_failed_event.ssf_assoc_id != 0, tail);
		return;
	case SCTP_SHUTDOWN_EVENT:
		say(step, "SHUTDOWN_EVENT flags=%u length=%u id=%d", s->sn_shutdown_event.sse_flags, s->sn_shutdown_event.sse_length, s->sn_shutdown_event.sse_assoc_id != 0);
		return;
	case SCTP_ADAPTATION_INDICATION:
		say(step, "ADAPTATION_INDICATION %u flags=%u length=%u", s->sn_adaptation_event.sai_adaptation_ind, s->sn_adaptation_event.sai_flags, s->sn_adaptation_event.sai_length);
		return;
	case SCTP_SENDER_DRY_EVENT:
		say(step, "SENDER_DRY_EVENT flags=%u length=%u", s->sn_sender_dry_event.sender_dry_flags, s->sn_sender_dry_event.sender_dry_length);
		return;
	}
	say_bytes(tail, bytes, n);
	say(step, "type %#x %s", s->sn_header.sn_type, tail);
}

bool take(const char *step, int fd)
{
	static union { char bytes[70000]; union sctp_notification n; } b;
	struct iovec iov = {&b, sizeof b};
	union address from = {0};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		did(step, n);
	else if (m.msg_flags & MSG_NOTIFICATION)
		say_notification(step, &b.n, (size_t)n, m.msg_flags & MSG_EOR);
	else if (n == 0)
		say(step, "EOF");
	else
		say(step, "\"%.*s\" from %s%s", n < 20 ? (int)n : 20, b.bytes, text(&from), m.msg_flags & MSG_EOR ? "" : " part");
	return n > 0;
}

/* Everything that comes within a moment. */
static void take_all(const char *step, int fd)
{
	while (events_of(fd, POLLIN, 150)[1] && take(step, fd))
		;
}

static const int usual[] = {SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT, SCTP_SEND_FAILED, SCTP_ADAPTATION_INDICATION, SCTP_REMOTE_ERROR};

static int curious(int fd)
{
	for (int i = 0; i < COUNT(usual); i++)
		subscribe(fd, usual[i], 1);
	return fd;
}

static void life(void)
{
	int l = listening(curious(stream())), fd = connected(curious(stream()), l), other = accept(l, NULL, NULL);

	take_all("client", fd);
	take_all("server", other);
	send(fd, "data", 4, 0);
	did("shutdown", shutdown(fd, SHUT_WR));
	take_all("server", other);
	say("server's poll", "%s", events_of(other, POLLIN | POLLOUT | POLLRDHUP, 0));
	take_all("client", fd);
	say("client's poll", "%s", events_of(fd, POLLIN | POLLOUT | POLLRDHUP, 0));
}

static void life_many(void)
{
	int l = listening(curious(seqpacket())), fd = connected(curious(bound(seqpacket(), 0)), l);
	union address a = at(0, port_of(l));

	take_all("client", fd);
	take_all("server", l);
	sctp_sendmsg(fd, "data", 4, &a.any, size_of(&a), 0, 0, 0, 0, 0);
	sctp_sendmsg(fd, NULL, 0, &a.any, size_of(&a), 0, SCTP_EOF, 0, 0, 0);
	take_all("server", l);
	take_all("client", fd);
	sctp_sendmsg(fd, "anew", 4, &a.any, size_of(&a), 0, 0, 0, 0, 0);
	take_all("client", fd);
	take_all("server", l);
	sctp_sendmsg(fd, "why", 3, &a.any, size_of(&a), 0, SCTP_ABORT, 0, 0, 0);
	take_all("server", l);
	take_all("client", fd);
}

static void aborted(void)
{
	int p[2];

	couple(p);
	curious(p[1]);
	setsockopt(p[0], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	send(p[0], "data", 4, 0);
	nap(50);
	close(p[0]);
	nap(50);
	take_all("server", p[1]);
}

static void refused(void)
{
	int fd = curious(bound(seqpacket(), 0));
	union address nobody = at(0, 9);

	did("sendto", sctp_sendmsg(fd, "lost", 4, &nobody.any, size_of(&nobody), 7, 0, 1, 0, 99));
	take_all("events", fd);
	fd = curious(bound(stream(), 0));
	did("connect", connect(fd, &nobody.any, size_of(&nobody)));
	say("poll", "%s", events_of(fd, POLLIN, 0));
}

/* What the peer did not take comes back, in either form. */
static void failed(int type)
{
	int p[2];
	sctp_assoc_t ids[2];
	static char block[1000];

	couple_many(p, ids);
	subscribe(p[0], type, 1);
	setsockopt(p[0], IPPROTO_SCTP, SCTP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &(int){400000}, sizeof(int));
	snprintf(block, sizeof block, "number");
	for (int full = 0; full < 10;) {
		struct sctp_sndrcvinfo info = {.sinfo_stream = 2, .sinfo_flags = SCTP_UNORDERED, .sinfo_ppid = 5, .sinfo_context = 44, .sinfo_assoc_id = ids[0]};
		if (sctp_send(p[0], block, sizeof block, &info, MSG_DONTWAIT) < 0) {
			full++;
			nap(10);
		}
	}
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(p[1]);
	nap(50);
	take("failed", p[0]);
}

static void failed_old(void) { failed(SCTP_SEND_FAILED); }
static void failed_new(void) { failed(SCTP_SEND_FAILED_EVENT); }

static void adaptation(void)
{
	int l = stream(), fd = stream(), other;
	struct sctp_setadaptation a = {.ssb_adaptation_ind = 42};

	did("set", setsockopt(fd, IPPROTO_SCTP, SCTP_ADAPTATION_LAYER, &a, sizeof a));
	listening(curious(l));
	connected(fd, l);
	other = accept(l, NULL, NULL);
	take_all("server", other);
}

static void dry(void)
{
	int p[2];

	couple(p);
	send(p[0], "x", 1, 0);
	nap(300);
	subscribe(p[0], SCTP_SENDER_DRY_EVENT, 1);
	take_all("subscribed when dry", p[0]);
	send(p[0], "x", 1, 0);
	take_all("dry again", p[0]);
}

static void addresses(void)
{
	int l = stream(), fd = stream();
	union address a = at(1, 0);

	bind(l, &a.any, size_of(&a));
	a = at(2, 0);
	sctp_bindx(l, &a.any, 1, SCTP_BINDX_ADD_ADDR);
	listen(l, 5);
	subscribe(fd, SCTP_PEER_ADDR_CHANGE, 1);
	subscribe(fd, SCTP_ASSOC_CHANGE, 1);
	a = at(1, port_of(l));
	did("connect", connect(fd, &a.any, size_of(&a)));
	nap(300);
	take_all("client", fd);
}

static void subscriptions(void)
{
	uint8_t bytes[20], want[14] = {1, 0, 1, 1};
	socklen_t n;
	int fd = seqpacket();

	for (n = 0; n <= 15; n++)
		did("set SCTP_EVENTS", setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, want, n > 14 ? 20 : n));
	for (int room = 0; room <= 20; room += 5) {
		n = (socklen_t)room;
		memset(bytes, 9, sizeof bytes);
		if (did("get SCTP_EVENTS", getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, bytes, &n)) == 0)
			say("is", "length %u: %d %d %d %d", n, bytes[0], bytes[1], bytes[2], bytes[3]);
	}
	for (int type = 0x7fff; type < 0x8010; type++) {
		struct sctp_event e = {.se_type = (uint16_t)type, .se_on = 1};
		char step[40];
		snprintf(step, sizeof step, "SCTP_EVENT %#x", type);
		did(step, setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e));
	}
	struct sctp_event e = {.se_type = SCTP_SHUTDOWN_EVENT, .se_assoc_id = 77};
	did("no such association", setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e));
	e.se_assoc_id = 0;
	n = sizeof e;
	did("get", getsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &e, &n));
	say("is", "%d length %u", e.se_on, n);
}

const struct probe event_probes[] = {
	{"life", ALL, life},
	{"life-many", ALL, life_many},
	{"aborted", V4, aborted},
	{"refused", V4, refused},
	{"failed", V4, failed_old},
	{"failed-event", V4, failed_new},
	{"adaptation", V4, adaptation},
	{"dry", V4, dry},
	{"addresses", ALL, addresses},
	{"subscriptions", V4, subscriptions},
	{0},
};
