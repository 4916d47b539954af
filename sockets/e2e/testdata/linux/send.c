/* Sending: plain, with ancillary data, and what is refused. */
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "probe.h"

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

/* sent says what a send gave and whether SIGPIPE came. */
static void sent(const char *step, long result)
{
	int error = errno;

	if (pipes) {
		say(step, "%s SIGPIPE", strerrorname_np(error));
		pipes = 0;
		return;
	}
	errno = error;
	count(step, result);
}

static long send_with(int fd, const void *bytes, size_t n, const union address *to, int level, int type, const void *data, size_t size)
{
	_Alignas(struct cmsghdr) char room[256] = {0};
	struct iovec iov = {(void *)bytes, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = CMSG_SPACE(size)};

	if (to != NULL) {
		m.msg_name = (void *)to;
		m.msg_namelen = size_of(to);
	}
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(size)};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), data, size);
	return sendmsg(fd, &m, 0);
}

static long send_info(int fd, const char *text, const union address *to, struct sctp_sndinfo info)
{
	return send_with(fd, text, strlen(text), to, IPPROTO_SCTP, SCTP_SNDINFO, &info, sizeof info);
}

static void one_to_one(void)
{
	int p[2], fd = stream(), l = listening(stream());
	union address peer, other = at(1, 9);
	static char big[300000];

	signal(SIGPIPE, on_pipe);
	sent("unconnected", send(fd, "x", 1, 0));
	sent("unconnected, no signal", send(fd, "x", 1, MSG_NOSIGNAL));
	sent("write unconnected", write(fd, "x", 1));
	sent("listening", send(l, "x", 1, 0));
	couple(p);
	peer = at(0, port_of(p[1]));
	sent("plain", send(p[0], "hello", 5, 0));
	sent("nothing", send(p[0], "", 0, 0));
	sent("write nothing", write(p[0], "", 0));
	sent("writev nothing", writev(p[0], NULL, 0));
	sent("to its peer", sendto(p[0], "x", 1, 0, &peer.any, size_of(&peer)));
	sent("to another", sendto(p[0], "x", 1, 0, &other.any, size_of(&other)));
	sent("short name", sendto(p[0], "x", 1, 0, &peer.any, 3));
	other.any.sa_family = AF_UNIX;
	sent("family of name", sendto(p[0], "x", 1, 0, &other.any, size_of(&other)));
	sent("too long", send(p[0], big, sizeof big, MSG_DONTWAIT));
	sent("MSG_EOR", send(p[0], "x", 1, MSG_EOR));
	sent("MSG_OOB", send(p[0], "x", 1, MSG_OOB));
	sent("MSG_MORE", send(p[0], "x", 1, MSG_MORE));
	sent("stream", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_sid = 9}));
	sent("no such stream", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_sid = 10}));
	sent("unordered", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_UNORDERED}));
	sent("SACK_IMMEDIATELY", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_SACK_IMMEDIATELY}));
	sent("EOF", send_info(p[0], "", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_EOF}));
	sent("ABORT", send_info(p[0], "", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_ABORT}));
	sent("ADDR_OVER without address", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_ADDR_OVER}));
	sent("ADDR_OVER", send_info(p[0], "x", &peer, (struct sctp_sndinfo){.snd_flags = SCTP_ADDR_OVER}));
	sent("SENDALL", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_SENDALL}));
	sent("unknown flag", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_flags = 0x1000}));
	sent("an id is ignored", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_assoc_id = 12345}));
	setsockopt(p[0], IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, &(int){1}, sizeof(int));
	sent("unfragmented", send(p[0], big, 100000, 0));
	did("shutdown", shutdown(p[0], SHUT_WR));
	while (recv(p[1], big, sizeof big, 0) > 0)
		;
	nap(50);
	sent("peer after it", send(p[1], "x", 1, 0));
	nap(100);
	sent("when it is over", send(p[0], "x", 1, 0));
	sent("peer when it is over", send(p[1], "x", 1, 0));
}

static void after_abort(void)
{
	int p[2];
	char b[8];

	signal(SIGPIPE, on_pipe);
	couple(p);
	setsockopt(p[0], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(p[0]);
	nap(50);
	say("poll", "%s", events_of(p[1], POLLOUT, 0));
	sent("send", send(p[1], "x", 1, 0));
	sent("send again", send(p[1], "x", 1, 0));
	count("recv", recv(p[1], b, sizeof b, 0));
	couple(p);
	setsockopt(p[0], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(p[0]);
	events_of(p[1], POLLIN, 5000);
	count("recv", recv(p[1], b, sizeof b, 0));
	count("recv again", recv(p[1], b, sizeof b, 0));
	sent("send", send(p[1], "x", 1, 0));
	say("poll", "%s", events_of(p[1], POLLIN | POLLOUT, 0));
}

static void implicit_stream(void)
{
	int l = listening(stream()), fd = stream(), other;
	union address a = at(0, port_of(l)), nobody = at(0, 9);
	char b[8];

	signal(SIGPIPE, on_pipe);
	sent("sendto", sendto(fd, "first", 5, 0, &a.any, size_of(&a)));
	did("accept", other = accept(l, NULL, NULL));
	count("recv", recv(other, b, sizeof b, 0));
	sent("send", send(fd, "x", 1, 0));
	fd = stream();
	sent("with EOF", send_info(fd, "", &a, (struct sctp_sndinfo){.snd_flags = SCTP_EOF}));
	sent("to nobody", sendto(fd, "x", 1, 0, &nobody.any, size_of(&nobody)));
	nap(200);
	sent("then", send(fd, "x", 1, 0));
}

static void one_to_many(void)
{
	int p[2], fd, third;
	sctp_assoc_t ids[2];
	union address peer, nobody = at(0, 9);
	char b[16];

	signal(SIGPIPE, on_pipe);
	fd = seqpacket();
	sent("no address", send(fd, "x", 1, 0));
	sent("no such id", send_info(fd, "x", NULL, (struct sctp_sndinfo){.snd_assoc_id = 12345}));
	sent("SENDALL to none", send_info(fd, "x", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_SENDALL}));
	sent("EOF to nobody", send_info(fd, "", &nobody, (struct sctp_sndinfo){.snd_flags = SCTP_EOF}));
	sent("ABORT to nobody", send_info(fd, "", &nobody, (struct sctp_sndinfo){.snd_flags = SCTP_ABORT}));
	sent("to nobody", sendto(fd, "x", 1, 0, &nobody.any, size_of(&nobody)));
	couple_many(p, ids);
	peer = at(0, port_of(p[1]));
	sent("no address", send(p[0], "x", 1, 0));
	sent("by address", sendto(p[0], "by addr", 7, 0, &peer.any, size_of(&peer)));
	sent("by id", send_info(p[0], "by id", NULL, (struct sctp_sndinfo){.snd_assoc_id = ids[0]}));
	count("recv", recv(p[1], b, sizeof b, 0));
	count("recv", recv(p[1], b, sizeof b, 0));
	sent("nothing", sendto(p[0], "", 0, 0, &peer.any, size_of(&peer)));
	sent("no such stream", send_info(p[0], "x", &peer, (struct sctp_sndinfo){.snd_sid = 10}));
	third = connected(seqpacket(), p[1]);
	nap(50);
	sent("SENDALL", send_info(p[1], "to all", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_SENDALL}));
	count("recv", recv(p[0], b, sizeof b, 0));
	count("recv third", recv(third, b, sizeof b, 0));
	sent("EOF with data", send_info(p[0], "x", &peer, (struct sctp_sndinfo){.snd_flags = SCTP_EOF}));
	sent("EOF", send_info(p[0], "", &peer, (struct sctp_sndinfo){.snd_flags = SCTP_EOF}));
	nap(100);
	sent("after EOF, by id", send_info(p[0], "x", NULL, (struct sctp_sndinfo){.snd_assoc_id = ids[0]}));
	sent("after EOF, by address", sendto(p[0], "anew", 4, 0, &peer.any, size_of(&peer)));
	count("recv", recv(p[1], b, sizeof b, 0));
	sent("ABORT with data", send_info(p[0], "why", &peer, (struct sctp_sndinfo){.snd_flags = SCTP_ABORT}));
	sent("SENDALL EOF", send_info(p[1], "", NULL, (struct sctp_sndinfo){.snd_flags = SCTP_SENDALL | SCTP_EOF}));
	nap(100);
	sent("third after it", sendto(third, "x", 1, 0, &peer.any, size_of(&peer)));
}

static void shut_while_unread(void)
{
	int p[2];
	sctp_assoc_t ids[2];

	signal(SIGPIPE, on_pipe);
	couple_many(p, ids);
	setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &(int){8192}, sizeof(int));
	send_info(p[0], "before", NULL, (struct sctp_sndinfo){.snd_assoc_id = ids[0]});
	send_info(p[0], "", NULL, (struct sctp_sndinfo){.snd_assoc_id = ids[0], .snd_flags = SCTP_EOF});
	nap(100);
	sent("peer's send", send_info(p[1], "x", NULL, (struct sctp_sndinfo){.snd_assoc_id = ids[1]}));
	take("its message", p[1]);
}

static void ancillary(void)
{
	static const struct { const char *name; int level, type, size; } wrong[] = {
		{"SCTP_INIT", IPPROTO_SCTP, SCTP_INIT, sizeof(struct sctp_initmsg)},
		{"SCTP_SNDRCV", IPPROTO_SCTP, SCTP_SNDRCV, sizeof(struct sctp_sndrcvinfo)},
		{"SCTP_SNDINFO", IPPROTO_SCTP, SCTP_SNDINFO, sizeof(struct sctp_sndinfo)},
		{"SCTP_PRINFO", IPPROTO_SCTP, SCTP_PRINFO, sizeof(struct sctp_prinfo)},
		{"SCTP_AUTHINFO", IPPROTO_SCTP, SCTP_AUTHINFO, sizeof(struct sctp_authinfo)},
		{"SCTP_DSTADDRV4", IPPROTO_SCTP, SCTP_DSTADDRV4, sizeof(struct in_addr)},
		{"SCTP_DSTADDRV6", IPPROTO_SCTP, SCTP_DSTADDRV6, sizeof(struct in6_addr)},
		{"SCTP_RCVINFO", IPPROTO_SCTP, SCTP_RCVINFO, sizeof(struct sctp_rcvinfo)},
		{"SCTP_NXTINFO", IPPROTO_SCTP, SCTP_NXTINFO, sizeof(struct sctp_nxtinfo)},
		{"type 77", IPPROTO_SCTP, 77, 8},
		{"level 77", 77, 1, 8},
		{"SCM_RIGHTS", SOL_SOCKET, SCM_RIGHTS, 4},
	};
	char zero[64] = {0}, step[60];
	int p[2];

	couple(p);
	for (int i = 0; i < COUNT(wrong); i++) {
		for (int d = -1; d <= 1; d++) {
			snprintf(step, sizeof step, "%s %+d", wrong[i].name, d);
			sent(step, send_with(p[0], "x", 1, NULL, wrong[i].level, wrong[i].type, zero, (size_t)(wrong[i].size + d)));
		}
	}
	struct sctp_prinfo pr = {.pr_policy = 0x40};
	sent("unknown policy", send_with(p[0], "x", 1, NULL, IPPROTO_SCTP, SCTP_PRINFO, &pr, sizeof pr));
	pr = (struct sctp_prinfo){.pr_policy = SCTP_PR_SCTP_TTL, .pr_value = 1000};
	sent("policy TTL", send_with(p[0], "x", 1, NULL, IPPROTO_SCTP, SCTP_PRINFO, &pr, sizeof pr));
	struct sctp_authinfo auth = {.auth_keynumber = 7};
	sent("no such key", send_with(p[0], "x", 1, NULL, IPPROTO_SCTP, SCTP_AUTHINFO, &auth, sizeof auth));

	_Alignas(struct cmsghdr) char room[128] = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	CMSG_FIRSTHDR(&m)->cmsg_len = 4;
	sent("length 4", sendmsg(p[0], &m, 0));
	CMSG_FIRSTHDR(&m)->cmsg_len = 1000;
	sent("length 1000", sendmsg(p[0], &m, 0));
	m.msg_controllen = 5;
	sent("no room for a header", sendmsg(p[0], &m, 0));
}

/* SCTP_INIT with an implicit association, and several of DSTADDR. */
static void implicit_init(void)
{
	int l = listening(seqpacket()), fd = bound(seqpacket(), 0);
	union address a = at(0, port_of(l));
	struct sctp_initmsg init = {.sinit_num_ostreams = 3, .sinit_max_instreams = 2};
	struct in_addr v4 = {htonl(INADDR_LOOPBACK + 1)};

	subscribe(fd, SCTP_ASSOC_CHANGE, 1);
	sent("send", send_with(fd, "x", 1, &a, IPPROTO_SCTP, SCTP_INIT, &init, sizeof init));
	take("up", fd);
	fd = seqpacket();
	if (family == V4)
		sent("DSTADDRV4", send_with(fd, "x", 1, &a, IPPROTO_SCTP, SCTP_DSTADDRV4, &v4, sizeof v4));
	sent("DSTADDRV4 alone", send_with(fd, "x", 1, NULL, IPPROTO_SCTP, SCTP_DSTADDRV4, &v4, sizeof v4));
}

static void full(void)
{
	int p[2], n = 0;
	static char block[20000];

	couple(p);
	setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){.tv_usec = 50000}, sizeof(struct timeval));
	for (int tries = 0; tries < 20; tries++, nap(10))
		while (send(p[0], block, sizeof block, MSG_DONTWAIT) > 0)
			n++;
	did("full", -1);
	say("some went", "%d", n > 2);
	say("poll", "%s", events_of(p[0], POLLOUT, 0));
	did("SO_SNDTIMEO", send(p[0], block, sizeof block, 0));
	while (recv(p[1], block, sizeof block, MSG_DONTWAIT) > 0 || events_of(p[1], POLLIN, 100)[1])
		;
	say("poll when read", "%s", events_of(p[0], POLLOUT, 5000));
}

const struct probe send_probes[] = {
	{"send", ALL, one_to_one},
	{"send-after-abort", V4, after_abort},
	{"implicit", ALL, implicit_stream},
	{"send-many", ALL, one_to_many},
	{"send-to-closing", V4, shut_while_unread},
	{"ancillary", V4, ancillary},
	{"implicit-init", V4 | V6, implicit_init},
	{"full", V4, full},
	{0},
};
