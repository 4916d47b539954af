/* Messages: what is sent, what comes, with what about it. */
#include "check.h"

static void both_ways(void)
{
	int p[2];
	char b[100];
	couple(p);
	CHECK(send(p[0], "hello", 5, 0) == 5);
	CHECK(write(p[0], "again", 5) == 5);
	CHECK(recv(p[1], b, sizeof b, 0) == 5 && memcmp(b, "hello", 5) == 0);
	CHECK(read(p[1], b, sizeof b) == 5 && memcmp(b, "again", 5) == 0);
	CHECK(send(p[1], "back", 4, 0) == 4);
	CHECK(recv(p[0], b, sizeof b, 0) == 4 && memcmp(b, "back", 4) == 0);
	FAILS(recv(p[0], b, sizeof b, MSG_DONTWAIT), EAGAIN);
	CHECK(close(p[0]) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == 0);
}

/* Once the socket is known to be connected, nobody is asked about messages. */
static void without_asking(void)
{
	int p[2], counts[2];
	socklen_t n = sizeof counts;
	couple(p);
	for (int i = 0; i < 10; i++)
		CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK(getsockopt(p[0], LEVEL, FRAMES, counts, &n) == 0);
	CHECK(counts[0] == 10 && counts[1] == 0);
}

static void vectors(void)
{
	int p[2];
	char a[3], b[100];
	couple(p);
	struct iovec out[3] = {{"one", 3}, {"", 0}, {"two", 3}}, in[2] = {{a, 3}, {b, 100}};
	CHECK(writev(p[0], out, 3) == 6);
	CHECK(readv(p[1], in, 2) == 6 && memcmp(a, "one", 3) == 0 && memcmp(b, "two", 3) == 0);

	struct mmsghdr many[3] = {{.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}}, {.msg_hdr = {.msg_iov = out + 2, .msg_iovlen = 1}}};
	CHECK(sendmmsg(p[0], many, 2, 0) == 2 && many[0].msg_len == 3 && many[1].msg_len == 3);
	char c[3][10];
	struct iovec each[3] = {{c[0], 10}, {c[1], 10}, {c[2], 10}};
	for (int i = 0; i < 3; i++)
		many[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = each + i, .msg_iovlen = 1}};
	CHECK(recvmmsg(p[1], many, 2, 0, NULL) == 2 && many[1].msg_len == 3 && memcmp(c[1], "two", 3) == 0);
	CHECK(send(p[0], "three", 5, 0) == 5);
	CHECK(recvmmsg(p[1], many, 3, MSG_WAITFORONE, NULL) == 1 && many[0].msg_len == 5);
	CHECK(many[0].msg_hdr.msg_flags & MSG_EOR);
}

static void ancillary(void)
{
	int p[2], on = 1;
	char b[100], space[200];
	couple(p);
	CHECK(setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) == 0);
	struct sctp_event_subscribe subscribe = {.sctp_data_io_event = 1};
	CHECK(setsockopt(p[1], IPPROTO_SCTP, SCTP_EVENTS, &subscribe, sizeof subscribe) == 0);

	struct iovec iov = {"hello", 5};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(sizeof(struct sctp_sndinfo))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct sctp_sndinfo info = {.snd_sid = 7, .snd_flags = SCTP_UNORDERED, .snd_ppid = htonl(46), .snd_context = 99};
	*c = (struct cmsghdr){.cmsg_level = IPPROTO_SCTP, .cmsg_type = SCTP_SNDINFO, .cmsg_len = CMSG_LEN(sizeof info)};
	memcpy(CMSG_DATA(c), &info, sizeof info);
	CHECK(sendmsg(p[0], &m, 0) == 5);

	struct sockaddr_storage from;
	iov = (struct iovec){b, sizeof b};
	m = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	CHECK(recvmsg(p[1], &m, 0) == 5);
	CHECK(m.msg_flags == MSG_EOR && m.msg_namelen == sizeof(struct sockaddr_in) && from.ss_family == AF_INET);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c != NULL && c->cmsg_level == IPPROTO_SCTP && c->cmsg_type == SCTP_RCVINFO && c->cmsg_len == CMSG_LEN(sizeof(struct sctp_rcvinfo)));
	struct sctp_rcvinfo got;
	memcpy(&got, CMSG_DATA(c), sizeof got);
	CHECK(got.rcv_sid == 7 && got.rcv_flags == SCTP_UNORDERED && got.rcv_ppid == htonl(46) && got.rcv_context == 99 && got.rcv_assoc_id == 1);
	c = CMSG_NXTHDR(&m, c);
	CHECK(c != NULL && c->cmsg_type == SCTP_SNDRCV && c->cmsg_len == CMSG_LEN(sizeof(struct sctp_sndrcvinfo)));
	CHECK(m.msg_controllen == CMSG_SPACE(sizeof(struct sctp_rcvinfo)) + CMSG_SPACE(sizeof(struct sctp_sndrcvinfo)));

	/* Too little room for ancillary data. */
	CHECK(send(p[0], "x", 1, 0) == 1);
	m = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = 20};
	CHECK(recvmsg(p[1], &m, 0) == 1 && (m.msg_flags & MSG_CTRUNC) && m.msg_controllen == 20);
}

static ssize_t send_with(int fd, int type, const void *data, size_t size)
{
	char space[200] = {0};
	struct iovec iov = {"hello", 5};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = CMSG_SPACE(size)};
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_level = IPPROTO_SCTP, .cmsg_type = type, .cmsg_len = CMSG_LEN(size)};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), data, size);
	return sendmsg(fd, &m, 0);
}

static void wrong_ancillary(void)
{
	int p[2];
	couple(p);
	struct sctp_sndrcvinfo info = {0};
	CHECK(send_with(p[0], SCTP_SNDRCV, &info, sizeof info) == 5);
	FAILS(send_with(p[0], SCTP_SNDRCV, &info, sizeof info - 4), EINVAL);
	FAILS(send_with(p[0], SCTP_RCVINFO, &info, sizeof info), EINVAL);
	FAILS(send_with(p[0], 77, &info, sizeof info), EINVAL);
	info.sinfo_flags = 0x4000;
	FAILS(send_with(p[0], SCTP_SNDRCV, &info, sizeof info), EINVAL);
	info = (struct sctp_sndrcvinfo){.sinfo_stream = 10};
	FAILS(send_with(p[0], SCTP_SNDRCV, &info, sizeof info), EINVAL);
	struct sctp_prinfo pr = {.pr_policy = 0x40};
	FAILS(send_with(p[0], SCTP_PRINFO, &pr, sizeof pr), EINVAL);
}

static void partial(void)
{
	int p[2], n;
	char b[100];
	couple(p);
	CHECK(send(p[0], "0123456789", 10, 0) == 10);
	CHECK(send(p[0], "next", 4, 0) == 4);
	struct iovec iov = {b, 4};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	CHECK(recvmsg(p[1], &m, 0) == 4 && m.msg_flags == 0 && memcmp(b, "0123", 4) == 0);
	CHECK(events(p[1], POLLIN, 0) == POLLIN);
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 6);
	CHECK(recv(p[1], b, 3, MSG_PEEK) == 3 && memcmp(b, "456", 3) == 0);
	CHECK(recv(p[1], b, 3, 0) == 3 && memcmp(b, "456", 3) == 0);
	iov.iov_len = sizeof b;
	CHECK(recvmsg(p[1], &m, 0) == 3 && m.msg_flags == MSG_EOR && memcmp(b, "789", 3) == 0);
	CHECK(events(p[1], POLLIN, 5000) == POLLIN);
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 4);
	CHECK(recv(p[1], b, 0, 0) == 0);
	CHECK(recv(p[1], b, 4, 0) == 4 && memcmp(b, "next", 4) == 0);
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 0);
	FAILS(recv(p[1], b, 4, MSG_DONTWAIT), EAGAIN);
	CHECK(events(p[1], POLLIN, 0) == 0);
}

static void peek(void)
{
	int p[2];
	char b[100];
	couple(p);
	CHECK(send(p[0], "0123456789", 10, 0) == 10);
	for (int i = 0; i < 3; i++) {
		CHECK(recv(p[1], b, sizeof b, MSG_PEEK) == 10);
		CHECK(recv(p[1], b, 5, MSG_PEEK) == 5 && memcmp(b, "01234", 5) == 0);
	}
	CHECK(recv(p[1], b, sizeof b, MSG_TRUNC | MSG_WAITALL) == 10);
}

static void *send_large(void *arg)
{
	static char large[300000];
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (char)(i * 7 >> 3);
	CHECK(send(*(int *)arg, large, sizeof large, 0) == sizeof large);
	return large;
}

static void large(void)
{
	int p[2];
	static char b[400000];
	pthread_t thread;
	void *sent;
	couple(p);
	CHECK(pthread_create(&thread, NULL, send_large, p) == 0);
	struct iovec iov[2] = {{b, 100001}, {b + 100001, sizeof b - 100001}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	CHECK(recvmsg(p[1], &m, 0) == 300000 && m.msg_flags == MSG_EOR);
	CHECK(pthread_join(thread, &sent) == 0 && memcmp(sent, b, 300000) == 0);

	/* The same in pieces that fit nothing. */
	CHECK(pthread_create(&thread, NULL, send_large, p) == 0);
	size_t done = 0;
	for (m.msg_flags = 0; !(m.msg_flags & MSG_EOR);) {
		iov[0] = (struct iovec){b + done, 49999};
		m.msg_iovlen = 1;
		ssize_t n = recvmsg(p[1], &m, 0);
		CHECK(n > 0);
		done += (size_t)n;
	}
	CHECK(done == 300000);
	CHECK(pthread_join(thread, &sent) == 0 && memcmp(sent, b, 300000) == 0);
}

/* Messages that announce the next one. */
static void announced(void)
{
	int p[2], on = 1;
	char b[100], want[11], space[200];
	couple(p);
	CHECK(setsockopt(p[1], IPPROTO_SCTP, SCTP_RECVNXTINFO, &on, sizeof on) == 0);
	command(p[1], BURST, 100);
	for (int i = 0; i < 100; i++) {
		struct iovec iov = {b, i % 3 ? sizeof b : 10};
		struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
		CHECK(recvmsg(p[1], &m, 0) == 10 && m.msg_flags == MSG_EOR);
		snprintf(want, sizeof want, "%010d", i);
		CHECK(memcmp(b, want, 10) == 0);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		CHECK((c != NULL) == (i < 99));
		if (c == NULL)
			break;
		struct sctp_nxtinfo next;
		CHECK(c->cmsg_type == SCTP_NXTINFO);
		memcpy(&next, CMSG_DATA(c), sizeof next);
		CHECK(next.nxt_length == 10 && next.nxt_sid == i + 1);
	}
	/* An announced message that the buffer does not take. */
	command(p[1], BURST, 2);
	CHECK(recv(p[1], b, sizeof b, 0) == 10);
	CHECK(recv(p[1], b, 3, 0) == 3 && memcmp(b, "000", 3) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == 7 && memcmp(b, "0000001", 7) == 0);
}

static void notification(void)
{
	int p[2];
	char b[100];
	couple(p);
	command(p[1], NOTIFY, 0);
	CHECK(send(p[0], "x", 1, 0) == 1);
	struct iovec iov = {b, 8};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	CHECK(recvmsg(p[1], &m, 0) == 8 && m.msg_flags == MSG_NOTIFICATION);
	iov.iov_len = sizeof b;
	CHECK(recvmsg(p[1], &m, 0) == 12 && m.msg_flags == (MSG_NOTIFICATION | MSG_EOR));
	CHECK(recvmsg(p[1], &m, 0) == 1 && m.msg_flags == MSG_EOR);
}

static void file(void)
{
	int p[2];
	char b[100], name[] = "/tmp/trunkline-test-XXXXXX";
	couple(p);
	int fd = mkstemp(name);
	CHECK(fd >= 0 && unlink(name) == 0 && write(fd, "0123456789", 10) == 10);
	off_t offset = 4;
	CHECK(sendfile(p[0], fd, &offset, 100) == 6 && offset == 10);
	CHECK(recv(p[1], b, sizeof b, 0) == 6 && memcmp(b, "456789", 6) == 0);
	FAILS(sendfile(fd, p[0], NULL, 100), EINVAL);
	int pipes[2];
	CHECK(pipe(pipes) == 0);
	FAILS(splice(pipes[0], NULL, p[0], NULL, 10, 0), EINVAL);
}

/* One-to-many: the association is known after the first message. */
static void many(void)
{
	int a = socket(AF_INET, SOCK_SEQPACKET, 0), b = socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP), counts[2];
	CHECK(a >= 0 && b >= 0);
	struct sockaddr_in to = at(6000), nobody = at(6001), from;
	socklen_t n = sizeof counts, length = sizeof from;
	char buffer[100];
	CHECK(bind(b, (void *)&to, sizeof to) == 0 && listen(b, 5) == 0);
	FAILS(sendto(a, "x", 1, 0, (void *)&nobody, sizeof nobody), ENETUNREACH);
	CHECK(sendto(a, "one", 3, 0, (void *)&to, sizeof to) == 3);
	CHECK(sendto(a, "two", 3, 0, (void *)&to, sizeof to) == 3);
	CHECK(recvfrom(b, buffer, sizeof buffer, 0, (void *)&from, &length) == 3 && length == sizeof from);
	CHECK(recv(b, buffer, sizeof buffer, 0) == 3 && memcmp(buffer, "two", 3) == 0);
	CHECK(sendto(b, "back", 4, 0, (void *)&from, length) == 4);
	CHECK(recv(a, buffer, sizeof buffer, 0) == 4);
	CHECK(getsockopt(a, LEVEL, FRAMES, counts, &n) == 0 && counts[0] == 2 && counts[1] <= 3);
	FAILS(accept(b, NULL, NULL), EOPNOTSUPP);
	sctp_peeloff_arg_t peel = {.associd = ntohs(from.sin_port)};
	length = sizeof peel;
	CHECK(getsockopt(b, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &peel, &length) == peel.sd && peel.sd > b);
	CHECK(send(peel.sd, "peeled", 6, 0) == 6);
	CHECK(recv(a, buffer, sizeof buffer, 0) == 6);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{"both_ways", both_ways}, {"without_asking", without_asking}, {"vectors", vectors}, {"ancillary", ancillary}, {"wrong_ancillary", wrong_ancillary},
		{"partial", partial}, {"peek", peek}, {"large", large}, {"announced", announced}, {"notification", notification}, {"file", file}, {"many", many}, {0},
	};
	return run(tests, argc, argv);
}
