/* The end of sockets: shutdown, close, SO_LINGER, copies of descriptors. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "probe.h"

static void shutdowns(void)
{
	static const struct { const char *name; int how; } hows[] = {{"RD", SHUT_RD}, {"WR", SHUT_WR}, {"RDWR", SHUT_RDWR}, {"3", 3}, {"-1", -1}};
	int p[2];
	sctp_assoc_t ids[2];
	char b[16];

	for (int i = 0; i < COUNT(hows); i++) {
		const char *name = hows[i].name;
		int l = listening(stream());

		fcntl(l, F_SETFL, O_RDWR | O_NONBLOCK);
		say("how", "%s", name);
		did("unconnected", shutdown(stream(), hows[i].how));
		did("listening", shutdown(l, hows[i].how));
		did("accept after it", accept(l, NULL, NULL));
		did("one-to-many", shutdown(seqpacket(), hows[i].how));
		did("one-to-many listening", shutdown(listening(seqpacket()), hows[i].how));
		couple_many(p, ids);
		did("one-to-many associated", shutdown(p[0], hows[i].how));
		couple(p);
		send(p[0], "before", 6, 0);
		send(p[1], "unread", 6, 0);
		nap(20);
		if (did("connected", shutdown(p[0], hows[i].how)) < 0)
			continue;
		nap(100);
		say("poll", "%s", events_of(p[0], POLLIN | POLLOUT | POLLRDHUP, 0));
		say("peer's poll", "%s", events_of(p[1], POLLIN | POLLOUT | POLLRDHUP, 0));
		count("peer's recv", recv(p[1], b, sizeof b, MSG_DONTWAIT));
		count("peer's recv", recv(p[1], b, sizeof b, MSG_DONTWAIT));
		count("peer's send", send(p[1], "y", 1, MSG_DONTWAIT));
		count("recv", recv(p[0], b, sizeof b, MSG_DONTWAIT));
		count("recv", recv(p[0], b, sizeof b, MSG_DONTWAIT));
		count("recv", recv(p[0], b, sizeof b, MSG_DONTWAIT));
		count("send", send(p[0], "z", 1, MSG_DONTWAIT));
		did("twice", shutdown(p[0], hows[i].how));
	}
}

static void lingers(void)
{
	int p[2];
	char b[16];
	struct linger l = {.l_onoff = 1, .l_linger = 2};
	socklen_t n = sizeof l;

	couple(p);
	did("set", setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof l));
	l.l_linger = 0;
	did("get", getsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, &n));
	say("is", "%d %d", l.l_onoff, l.l_linger);
	send(p[0], "bye", 3, 0);
	did("close", close(p[0]));
	count("recv", recv(p[1], b, sizeof b, 0));
	count("end", recv(p[1], b, sizeof b, 0));
	couple(p);
	l = (struct linger){.l_onoff = 1};
	setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof l);
	close(p[0]);
	count("aborted", recv(p[1], b, sizeof b, 0));
	count("then", recv(p[1], b, sizeof b, 0));
	couple(p);
	send(p[1], "unread", 6, 0);
	nap(50);
	close(p[0]);
	count("closed with unread data", recv(p[1], b, sizeof b, 0));
	couple(p);
	close(p[0]);
	count("closed", recv(p[1], b, sizeof b, 0));
	nap(50);
	count("send to closed", send(p[1], "x", 1, MSG_NOSIGNAL));
}

static void copies(void)
{
	int p[2], copy, status;
	char b[16];
	pid_t child;

	couple(p);
	copy = dup(p[0]);
	close(p[0]);
	count("through dup", send(copy, "one", 3, 0));
	count("recv", recv(p[1], b, sizeof b, 0));
	p[0] = fcntl(copy, F_DUPFD_CLOEXEC, 100);
	say("F_DUPFD_CLOEXEC", "%d", fcntl(p[0], F_GETFD));
	dup2(p[0], copy);
	dup3(p[0], 200, O_CLOEXEC);
	close(copy);
	close(p[0]);
	did("still there", recv(p[1], b, sizeof b, MSG_DONTWAIT));
	if ((child = fork()) == 0) {
		close(p[1]);
		_exit(send(200, "child", 5, 0) == 5 ? 0 : 1);
	}
	close(200);
	waitpid(child, &status, 0);
	say("child", "%d", WEXITSTATUS(status));
	count("recv", recv(p[1], b, sizeof b, 0));
	count("end", recv(p[1], b, sizeof b, 0));
}

static void *receive_in_thread(void *arg)
{
	char b[16];
	ssize_t n = recv(*(int *)arg, b, sizeof b, 0);

	return (void *)(intptr_t)(n < 0 ? -errno : n);
}

static void threads(void)
{
	int p[2];
	pthread_t t;
	void *result;

	couple(p);
	pthread_create(&t, NULL, receive_in_thread, &p[0]);
	nap(50);
	send(p[1], "hello", 5, 0);
	pthread_join(t, &result);
	say("received", "%ld", (long)(intptr_t)result);
	pthread_create(&t, NULL, receive_in_thread, &p[0]);
	nap(50);
	did("shutdown", shutdown(p[0], SHUT_RDWR));
	pthread_join(t, &result);
	say("woken by shutdown", "%ld", (long)(intptr_t)result);
	couple(p);
	pthread_create(&t, NULL, receive_in_thread, &p[0]);
	nap(50);
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
	close(p[1]);
	pthread_join(t, &result);
	say("woken by abort", "%s", strerrorname_np(-(int)(intptr_t)result));
}

/* Files onto sockets. */
static void files(void)
{
	int p[2], pipes[2], file = open("/proc/self/exe", O_RDONLY), n = 0;
	off_t offset = 100;
	char b[8192];
	FILE *f;

	couple(p);
	count("sendfile", sendfile(p[0], file, &offset, 5000));
	say("offset", "%ld", (long)offset);
	for (ssize_t got; n < 5000 && (got = recv(p[1], b, sizeof b, 0)) > 0;)
		n += (int)got;
	say("arrived", "%d", n);
	pipe(pipes);
	count("into a pipe", write(pipes[1], "hello", 5));
	count("splice", splice(pipes[0], NULL, p[0], NULL, 5, 0));
	f = fdopen(dup(p[0]), "r+");
	setvbuf(f, NULL, _IONBF, 0);
	fputs("stdio", f);
	nap(50);
	recv(p[1], b, 5, MSG_DONTWAIT);
	recv(p[1], b + 5, 5, MSG_DONTWAIT);
	fclose(f);
	count("after fclose", send(p[0], "x", 1, 0));
}

const struct probe end_probes[] = {
	{"shutdown", V4, shutdowns},
	{"linger", V4, lingers},
	{"copies", V4, copies},
	{"threads", V4, threads},
	{"files", V4, files},
	{0},
};
