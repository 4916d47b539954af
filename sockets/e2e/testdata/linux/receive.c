/* Receiving: in parts, with ancillary data, with the flags there are. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "probe.h"

static void say_flags(char *out, int flags)
{
	static const struct { int bit; const char *name; } names[] = {
		{MSG_EOR, "EOR"}, {MSG_NOTIFICATION, "NOTIFICATION"}, {MSG_TRUNC, "TRUNC"}, {MSG_CTRUNC, "CTRUNC"}, {MSG_CMSG_CLOEXEC, "CLOEXEC"}};

	*out = 0;
	for (int i = 0; i < COUNT(names); i++)
		if (flags & names[i].bit) {
			strcat(out, " ");
			strcat(out, names[i].name);
			flags &= ~names[i].bit;
		}
	if (flags)
		sprintf(out + strlen(out), " %#x", flags);
}

static void say_cmsgs(const char *step, struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_type == SCTP_RCVINFO && size == sizeof(struct sctp_rcvinfo)) {
			struct sctp_rcvinfo i;
			memcpy(&i, CMSG_DATA(c), sizeof i);
			say(step, "  RCVINFO sid=%u ssn=%u flags=%#x ppid=%#x context=%u id=%d", i.rcv_sid, i.rcv_ssn, i.rcv_flags, i.rcv_ppid, i.rcv_context, i.rcv_assoc_id != 0);
		} else if (c->cmsg_type == SCTP_SNDRCV && size == sizeof(struct sctp_sndrcvinfo)) {
			struct sctp_sndrcvinfo i;
			memcpy(&i, CMSG_DATA(c), sizeof i);
			say(step, "  SNDRCV stream=%u ssn=%u flags=%#x ppid=%#x context=%u ttl=%u id=%d", i.sinfo_stream, i.sinfo_ssn, i.sinfo_flags, i.sinfo_ppid, i.sinfo_context, i.sinfo_timetolive, i.sinfo_assoc_id != 0);
		} else if (c->cmsg_type == SCTP_NXTINFO && size == sizeof(struct sctp_nxtinfo)) {
			struct sctp_nxtinfo i;
			memcpy(&i, CMSG_DATA(c), sizeof i);
			say(step, "  NXTINFO sid=%u flags=%#x ppid=%#x length=%u id=%d", i.nxt_sid, i.nxt_flags, i.nxt_ppid, i.nxt_length, i.nxt_assoc_id != 0);
		} else {
			say(step, "  level %d type %d size %zu", c->cmsg_level, c->cmsg_type, size);
		}
	}
}

/* got receives with so much room for each, and says all that comes. */
static void got(const char *step, int fd, size_t room, size_t control, int flags)
{
	static char b[200000], text_of_flags[100];
	_Alignas(struct cmsghdr) char space[512];
	struct iovec iov = {b, room};
	union address from = {0};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = control};
	ssize_t n = recvmsg(fd, &m, flags);

	if (n < 0) {
		did(step, n);
		return;
	}
	say_flags(text_of_flags, m.msg_flags);
	say(step, "%zd \"%.*s\" from %s namelen %u controllen %zu flags%s", n, n < 20 ? (int)n : 20, b, m.msg_namelen ? text(&from) : "-", m.msg_namelen, m.msg_controllen, text_of_flags);
	say_cmsgs(step, &m);
}

static void put(int fd, const char *text, int stream, int flags, uint32_t ppid)
{
	sctp_sendmsg(fd, text, strlen(text), NULL, 0, ppid, (uint32_t)flags, (uint16_t)stream, 0, 5);
}

static void plain(void)
{
	int p[2], fd = stream();
	char b[16];

	did("unconnected", recv(fd, b, sizeof b, MSG_DONTWAIT));
	did("unconnected, waiting", recv(fd, b, sizeof b, 0));
	did("listening", recv(listening(fd), b, sizeof b, MSG_DONTWAIT));
	couple(p);
	did("nothing there", recv(p[1], b, sizeof b, MSG_DONTWAIT));
	put(p[0], "hello", 1, 0, 7);
	got("message", p[1], 100, 256, 0);
	put(p[0], "two", 0, 0, 0);
	got("peek", p[1], 100, 256, MSG_PEEK);
	got("peek", p[1], 100, 256, MSG_PEEK);
	got("peek a part", p[1], 2, 256, MSG_PEEK);
	got("then", p[1], 100, 256, 0);
	put(p[0], "in parts", 0, 0, 0);
	got("part", p[1], 3, 256, 0);
	got("part peeked", p[1], 3, 256, MSG_PEEK);
	say("poll", "%s", events_of(p[1], POLLIN, 0));
	got("no bytes", p[1], 0, 256, 0);
	got("part", p[1], 3, 256, 0);
	got("last", p[1], 3, 256, 0);
	put(p[0], "exact", 0, 0, 0);
	got("exact", p[1], 5, 256, 0);
	put(p[0], "truncated", 0, 0, 0);
	got("MSG_TRUNC", p[1], 4, 256, MSG_TRUNC);
	got("rest", p[1], 100, 256, MSG_DONTWAIT);
	put(p[0], "all", 0, 0, 0);
	put(p[0], "of it", 0, 0, 0);
	nap(50);
	got("MSG_WAITALL", p[1], 6, 256, MSG_WAITALL);
	got("MSG_OOB", p[1], 100, 256, MSG_OOB | MSG_DONTWAIT);
	got("what is left", p[1], 100, 256, MSG_DONTWAIT);
	got("MSG_ERRQUEUE", p[1], 100, 256, MSG_ERRQUEUE | MSG_DONTWAIT);
	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 20000}, sizeof(struct timeval));
	did("SO_RCVTIMEO", recv(p[1], b, sizeof b, 0));
	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(struct timeval));
	put(p[0], "read", 0, 0, 0);
	count("read", read(p[1], b, sizeof b));
	put(p[0], "readv", 0, 0, 0);
	struct iovec two[2] = {{b, 2}, {b + 2, 8}};
	count("readv", readv(p[1], two, 2));
	close(p[0]);
	got("end", p[1], 100, 256, 0);
	got("end again", p[1], 100, 256, 0);
	say("poll", "%s", events_of(p[1], POLLIN | POLLRDHUP, 0));
}

static void infos(void)
{
	int p[2];

	couple(p);
	setsockopt(p[1], IPPROTO_SCTP, SCTP_CONTEXT, &(struct sctp_assoc_value){.assoc_value = 77}, sizeof(struct sctp_assoc_value));
	setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVRCVINFO, &(int){1}, sizeof(int));
	put(p[0], "rcvinfo", 1, 0, 7);
	got("RCVINFO", p[1], 100, 256, 0);
	setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVNXTINFO, &(int){1}, sizeof(int));
	put(p[0], "first", 1, SCTP_UNORDERED, 8);
	put(p[0], "second", 3, 0, 9);
	put(p[0], "third", 4, SCTP_UNORDERED, 10);
	nap(50);
	got("with NXTINFO", p[1], 100, 256, 0);
	setsockopt(p[1], IPPROTO_SCTP, SCTP_EVENTS, &(struct sctp_event_subscribe){.sctp_data_io_event = 1}, sizeof(struct sctp_event_subscribe));
	got("with all", p[1], 100, 256, 0);
	got("last", p[1], 100, 256, 0);
	put(p[0], "in parts", 5, 0, 11);
	put(p[0], "next", 1, 0, 12);
	nap(50);
	got("part", p[1], 3, 256, 0);
	got("rest", p[1], 30, 256, 0);
	got("next", p[1], 30, 256, 0);
	put(p[0], "little room", 1, 0, 13);
	got("no control", p[1], 3, 0, 0);
	got("no room for a header", p[1], 3, 8, 0);
	got("room for half", p[1], 3, 40, 0);
	got("room for one", p[1], 30, CMSG_SPACE(sizeof(struct sctp_rcvinfo)), 0);
	setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVRCVINFO, &(int){0}, sizeof(int));
	setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVNXTINFO, &(int){0}, sizeof(int));
	put(p[0], "old", 1, 0, 13);
	got("SNDRCV alone", p[1], 30, 256, 0);
	subscribe(p[1], SCTP_SHUTDOWN_EVENT, 1);
	setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVRCVINFO, &(int){1}, sizeof(int));
	close(p[0]);
	nap(50);
	got("notification", p[1], 5, 256, 0);
	got("its rest", p[1], 100, 256, 0);
	got("end", p[1], 100, 256, 0);
}

static void large(void)
{
	int p[2], part = 0;
	static char b[150000];
	ssize_t n, total = 0;

	couple(p);
	setsockopt(p[1], SOL_SOCKET, SO_RCVBUF, &(int){1 << 20}, sizeof(int));
	memset(b, 'x', sizeof b);
	did("send", send(p[0], b, sizeof b, 0));
	while (total < (ssize_t)sizeof b && (n = recv(p[1], b, 40000, 0)) > 0) {
		total += n;
		part++;
	}
	say("parts", "%s", part >= 4 ? "several" : "few");
	say("total", "%zd", total);
}

static void mmsgs(void)
{
	int p[2];
	char b[3][10];
	struct iovec iov[3] = {{b[0], 10}, {b[1], 10}, {b[2], 10}};
	struct mmsghdr m[3] = {{.msg_hdr = {.msg_iov = iov, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = iov + 1, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = iov + 2, .msg_iovlen = 1}}};

	couple(p);
	count("sendmmsg", sendmmsg(p[0], m, 3, 0));
	nap(50);
	count("recvmmsg", recvmmsg(p[1], m, 2, 0, NULL));
	count("recvmmsg", recvmmsg(p[1], m, 3, MSG_WAITFORONE, NULL));
	did("recvmmsg none", recvmmsg(p[1], m, 3, MSG_DONTWAIT, NULL));
	iov[1].iov_len = 0;
	count("second is empty", sendmmsg(p[0], m, 3, 0));
	did("then", send(p[0], "x", 1, 0));
}

static void pending(void)
{
	int p[2], n = -1, fd = stream();
	sctp_assoc_t ids[2];

	did("FIONREAD unconnected", ioctl(fd, FIONREAD, &n));
	did("FIONREAD listening", ioctl(listening(fd), FIONREAD, &n));
	couple(p);
	did("FIONREAD", ioctl(p[1], FIONREAD, &n));
	say("nothing", "%d", n);
	put(p[0], "hello", 0, 0, 0);
	put(p[0], "more", 0, 0, 0);
	nap(50);
	ioctl(p[1], FIONREAD, &n);
	say("something", "%d", n);
	recv(p[1], &fd, 2, 0);
	ioctl(p[1], FIONREAD, &n);
	say("part read", "%d", n);
	did("SIOCOUTQ", ioctl(p[0], SIOCOUTQ, &n));
	did("FIONBIO", ioctl(p[1], FIONBIO, &(int){1}));
	say("F_GETFL", "%s", fcntl(p[1], F_GETFL) & O_NONBLOCK ? "nonblock" : "block");
	couple_many(p, ids);
	ioctl(p[1], FIONREAD, &n);
	say("one-to-many", "%d", n);
}

static void many(void)
{
	int p[2], fd = seqpacket();
	sctp_assoc_t ids[2];
	union address a;

	did("unbound", recv(fd, &fd, 1, MSG_DONTWAIT));
	did("unbound, waiting", recv(fd, &fd, 1, 0));
	couple_many(p, ids);
	a = at(0, port_of(p[1]));
	did("nothing there", recv(p[1], &fd, 1, MSG_DONTWAIT));
	sendto(p[0], "hello", 5, 0, &a.any, size_of(&a));
	got("message", p[1], 100, 256, 0);
	sendto(p[0], "in parts", 8, 0, &a.any, size_of(&a));
	fd = connected(seqpacket(), p[1]);
	sendto(fd, "another", 7, 0, &a.any, size_of(&a));
	nap(50);
	got("part", p[1], 3, 256, 0);
	got("rest", p[1], 100, 256, 0);
	got("another", p[1], 100, 256, 0);
	close(p[0]);
	close(fd);
	nap(50);
	did("end", recv(p[1], &fd, 1, MSG_DONTWAIT));
}

const struct probe receive_probes[] = {
	{"receive", ALL, plain},
	{"infos", V4, infos},
	{"large", V4, large},
	{"mmsg", V4, mmsgs},
	{"pending", V4, pending},
	{"receive-many", ALL, many},
	{0},
};
