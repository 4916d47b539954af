/* The life of a socket: connecting, waiting, ending, the server's death. */
#include "check.h"

static volatile sig_atomic_t caught;

static void catch(int number)
{
	(void)number;
	caught++;
}

static void on(int number, int flags)
{
	struct sigaction action = {.sa_handler = catch, .sa_flags = flags};
	caught = 0;
	CHECK(sigaction(number, &action, NULL) == 0);
}

/* Signals go on until alarms(0), so that one comes while a call waits, however late it is. */
static void alarms(int ms)
{
	struct timeval every = {.tv_usec = ms * 1000};
	struct itimerval timer = {every, every};
	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static int pending(int fd)
{
	int error = -1;
	socklen_t n = sizeof error;
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0);
	return error;
}

static void names(void)
{
	int p[2], value;
	couple(p);
	struct sockaddr_in mine, peers;
	socklen_t n = sizeof mine;
	CHECK(getsockname(p[0], (void *)&mine, &n) == 0 && n == sizeof mine && mine.sin_family == AF_INET);
	n = sizeof peers;
	CHECK(getpeername(p[1], (void *)&peers, &n) == 0 && peers.sin_port == mine.sin_port);
	n = 4;
	memset(&peers, 0xaa, sizeof peers);
	CHECK(getpeername(p[1], (void *)&peers, &n) == 0 && n == sizeof mine && peers.sin_port == mine.sin_port && peers.sin_addr.s_addr == 0xaaaaaaaa);
	FAILS(getpeername(sctp(), (void *)&peers, &n), ENOTCONN);
	n = sizeof value;
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_DOMAIN, &value, &n) == 0 && value == AF_INET);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, &n) == 0 && value == SOCK_STREAM);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_PROTOCOL, &value, &n) == 0 && value == IPPROTO_SCTP);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &value, &n) == 0 && value == 212992);
	n = 2;
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_TYPE, &value, &n) == 0 && n == 2);
	int six = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_SCTP);
	struct sockaddr_in6 six_name;
	n = sizeof six_name;
	CHECK(getsockname(six, (void *)&six_name, &n) == 0 && n == sizeof six_name && six_name.sin6_family == AF_INET6);
	CHECK(fcntl(six, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(six, F_GETFD) & FD_CLOEXEC);
	CHECK(fcntl(p[0], F_GETFD) == 0);
	FAILS(setsockopt(p[0], 8888, 1, &value, sizeof value), ENOPROTOOPT);
}

static void options(void)
{
	int p[2];
	char b[600], want[600];
	couple(p);
	memset(want, 'w', sizeof want);
	CHECK(setsockopt(p[0], LEVEL, ECHO_OPTION, want, 100) == 0);
	memset(b, 'w', sizeof b);
	socklen_t n = 300;
	CHECK(getsockopt(p[0], LEVEL, ECHO_OPTION, b, &n) == 0 && n == 300 && memcmp(b, want, 300) == 0);
	FAILS(setsockopt(p[0], LEVEL, ECHO_OPTION, NULL, 4), EFAULT);
	FAILS(setsockopt(p[0], LEVEL, ECHO_OPTION, (void *)16, 4), EFAULT);
	FAILS(getsockopt(p[0], LEVEL, ECHO_OPTION, (void *)16, &n), EFAULT);
	FAILS(setsockopt(p[0], LEVEL, ECHO_OPTION, b, 1 << 20), EINVAL);
	CHECK(setsockopt(p[0], LEVEL, ECHO_OPTION, want, 100) == 0);
}

static void refused(void)
{
	struct sockaddr_in a = at(REFUSED), good = at(5500);
	int fd = sctp();
	FAILS(connect(fd, (void *)&a, sizeof a), ECONNREFUSED);
	int listener = listening(5500);
	CHECK(connect(fd, (void *)&good, sizeof good) == 0);
	CHECK(accept(listener, NULL, NULL) >= 0);
	FAILS(connect(fd, (void *)&good, sizeof good), EISCONN);
	FAILS(send(sctp(), "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* In progress shows in poll until the server has decided. */
static void in_progress(void)
{
	int listener = listening(SLOW), helper = sctp(), room, before;
	struct sockaddr_in a = at(SLOW);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
	socklen_t n = sizeof room;
	CHECK(syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDBUF, &before, &n) == 0);
	FAILS(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
	CHECK(events(fd, POLLOUT | POLLIN, 30) == 0);
	CHECK(pending(fd) == 0);
	CHECK(events(fd, POLLOUT | POLLIN, 0) == 0);
	FAILS(connect(fd, (void *)&a, sizeof a), EALREADY);
	FAILS(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	char b[10];
	FAILS(recv(fd, b, sizeof b, 0), EAGAIN);

	int queue = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLOUT | EPOLLET};
	CHECK(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &e) == 0 && epoll_wait(queue, &e, 1, 0) == 0);
	command(helper, DECIDE, 0);
	CHECK(epoll_wait(queue, &e, 1, 5000) == 1 && e.events == EPOLLOUT);
	CHECK(pending(fd) == 0);
	CHECK(syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_SNDBUF, &room, &n) == 0 && room == before);
	int accepted = accept(listener, NULL, NULL);
	CHECK(send(fd, "x", 1, 0) == 1 && recv(accepted, b, sizeof b, 0) == 1);
	CHECK(events(fd, POLLOUT, 0) == POLLOUT);
}

/* A listener shows who calls, and never room to write. */
static void never_writable(void)
{
	int listener = listening(5650), fd = sctp();
	CHECK(events(listener, POLLOUT | POLLIN, 0) == 0);
	struct sockaddr_in a = at(5650);
	CHECK(connect(fd, (void *)&a, sizeof a) == 0);
	CHECK(events(listener, POLLOUT | POLLIN, 5000) == POLLIN && accept(listener, NULL, NULL) >= 0);
	CHECK(events(listener, POLLOUT | POLLIN, 0) == 0);
	CHECK(close(listener) == 0);
	listening(5650);
}

static void progress_fails(void)
{
	struct sockaddr_in a = at(LATE);
	char b[10];
	int helper = sctp();
	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
		FAILS(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
		fd_set set;
		FD_ZERO(&set);
		FD_SET(fd, &set);
		struct timeval t = {.tv_usec = 1000};
		CHECK(select(fd + 1, NULL, &set, NULL, &t) == 0);
		command(helper, DECIDE, 0);
		CHECK(events(fd, POLLOUT, 5000) & POLLOUT);
		if (i == 0)
			CHECK(pending(fd) == ECONNREFUSED && pending(fd) == 0);
		else if (i == 1)
			FAILS(send(fd, "x", 1, 0), ECONNREFUSED);
		else
			FAILS(recv(fd, b, sizeof b, 0), ECONNREFUSED);
		/* The descriptor is as good as new. */
		FAILS(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
		command(helper, DECIDE, 0);
	}
}

static volatile int decided;

/* Decides, again and again until a connect that may begin late has been. */
static void *decide_later(void *arg)
{
	int fd = sctp();
	for (decided = 0; !decided;) {
		usleep(50000);
		command(fd, DECIDE, 0);
	}
	return arg;
}

static void blocking_connect(void)
{
	pthread_t thread;
	struct sockaddr_in a = at(SLOW), late = at(LATE);
	int listener = listening(SLOW), fd = sctp();
	CHECK(pthread_create(&thread, NULL, decide_later, NULL) == 0);
	CHECK(connect(fd, (void *)&a, sizeof a) == 0);
	decided = 1;
	CHECK(pthread_join(thread, NULL) == 0 && accept(listener, NULL, NULL) >= 0);
	CHECK(events(fd, POLLOUT, 0) == POLLOUT);

	fd = sctp();
	CHECK(pthread_create(&thread, NULL, decide_later, NULL) == 0);
	FAILS(connect(fd, (void *)&late, sizeof late), ECONNREFUSED);
	decided = 1;
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(pending(fd) == 0);
}

/* An interrupted connect goes on, and poll shows it. */
static void interrupted_connect(void)
{
	struct sockaddr_in a = at(SLOW);
	int listener = listening(SLOW), fd = sctp(), helper = sctp();
	on(SIGALRM, 0);
	alarms(50);
	FAILS(connect(fd, (void *)&a, sizeof a), EINTR);
	alarms(0);
	CHECK(caught >= 1 && events(fd, POLLOUT, 20) == 0);
	FAILS(connect(fd, (void *)&a, sizeof a), EALREADY);
	command(helper, DECIDE, 0);
	CHECK(events(fd, POLLOUT, 5000) == POLLOUT && pending(fd) == 0);
	FAILS(connect(fd, (void *)&a, sizeof a), EISCONN);
	CHECK(accept(listener, NULL, NULL) >= 0);

	fd = sctp();
	struct timeval t = {.tv_usec = 50000};
	CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0);
	FAILS(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
	CHECK(events(fd, POLLOUT, 0) == 0);
	command(helper, DECIDE, 0);
	CHECK(events(fd, POLLOUT, 5000) == POLLOUT && accept(listener, NULL, NULL) >= 0);

	/* With SA_RESTART it is not interrupted. */
	pthread_t thread;
	fd = sctp();
	on(SIGALRM, SA_RESTART);
	alarms(10);
	CHECK(pthread_create(&thread, NULL, decide_later, NULL) == 0);
	CHECK(connect(fd, (void *)&a, sizeof a) == 0 && caught >= 1);
	alarms(0);
	decided = 1;
	CHECK(pthread_join(thread, NULL) == 0);
}

static void connectx(void)
{
	struct sockaddr_in a[2] = {at(5600), at(5600)};
	int listener = listening(5600), fd = sctp();
	struct sctp_getaddrs_old arg = {.addr_num = sizeof a, .addrs = (void *)a};
	socklen_t n = sizeof arg;
	CHECK(getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &arg, &n) == 0 && arg.assoc_id == 1);
	CHECK(accept(listener, NULL, NULL) >= 0);
	fd = sctp();
	CHECK(setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, a, sizeof a) == 1);
	arg.addr_num = -1;
	FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &arg, &n), EINVAL);
}

static void waiting(void)
{
	int p[2];
	char b[10];
	couple(p);
	struct timeval t = {.tv_usec = 30000}, got;
	socklen_t n = sizeof got;
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &n) == 0 && got.tv_usec > 0);
	FAILS(recv(p[0], b, sizeof b, 0), EAGAIN);
	on(SIGALRM, 0);
	alarms(30);
	FAILS(recv(p[1], b, sizeof b, 0), EINTR);
	alarms(0);
	int listener = listening(5700);
	CHECK(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0);
	FAILS(accept(listener, NULL, NULL), EAGAIN);
	FAILS(recv(listener, b, sizeof b, 0), ENOTCONN);
	FAILS(accept(p[0], NULL, NULL), EINVAL);
}

static void linger(void)
{
	int p[2];
	char b[10];
	struct linger l = {.l_onoff = 1, .l_linger = 5};
	couple(p);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0);
	CHECK(send(p[0], "x", 1, 0) == 1);
	int copy = dup(p[0]);
	CHECK(close(copy) == 0);
	CHECK(close(p[0]) == 0);
	/* The server has said that it is over: its frames are here. */
	CHECK(recv(p[1], b, sizeof b, MSG_DONTWAIT) == 1);
	CHECK(recv(p[1], b, sizeof b, MSG_DONTWAIT) == 0);
}

static void ends(void)
{
	int p[2];
	char b[10];
	couple(p);
	CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK(shutdown(p[0], SHUT_WR) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == 1 && recv(p[1], b, sizeof b, 0) == 0);
	CHECK(events(p[1], POLLIN, 0) == POLLIN);
	on(SIGPIPE, 0);
	FAILS(send(p[1], "x", 1, 0), EPIPE);
	CHECK(caught == 1);
	FAILS(send(p[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(caught == 1);

	couple(p);
	command(p[0], RESET, 0);
	FAILS(recv(p[0], b, sizeof b, 0), ECONNRESET);
	CHECK(recv(p[0], b, sizeof b, 0) == 0);
	couple(p);
	command(p[0], RESET, 0);
	FAILS(send(p[0], "x", 1, 0), ECONNRESET);
	CHECK(caught == 1);
	FAILS(send(p[0], "x", 1, 0), EPIPE);
	CHECK(caught == 2);
}

static void server_dies(void)
{
	int p[2], q[2], n, error;
	char b[10];
	couple(p);
	couple(q);
	int fresh = sctp(), listener = listening(5800), many = socket(AF_INET, SOCK_SEQPACKET, 0);
	CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK(events(p[1], POLLIN, 5000) == POLLIN);
	FAILS(setsockopt(fresh, LEVEL, DIE, &n, sizeof n), ECONNRESET);
	CHECK(recv(p[1], b, sizeof b, 0) == 1);
	FAILS(recv(p[1], b, sizeof b, 0), ECONNRESET);
	CHECK(recv(p[1], b, sizeof b, 0) == 0);
	FAILS(send(p[1], b, sizeof b, MSG_NOSIGNAL), EPIPE);
	FAILS(send(q[0], b, sizeof b, MSG_NOSIGNAL), ECONNRESET);
	CHECK(events(q[1], POLLIN, 0) & POLLIN);
	CHECK(pending(q[1]) == ECONNRESET);
	FAILS(getsockopt(q[1], LEVEL, FRAMES, &error, (socklen_t[]){4}), ECONNRESET);
	FAILS(accept(listener, NULL, NULL), ECONNRESET);
	FAILS(recv(many, b, sizeof b, 0), ECONNRESET);
	FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), ENETDOWN);
	CHECK(close(p[0]) == 0 && close(q[0]) == 0);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{"names", names}, {"options", options}, {"refused", refused}, {"in_progress", in_progress}, {"never_writable", never_writable}, {"progress_fails", progress_fails},
		{"blocking_connect", blocking_connect}, {"interrupted_connect", interrupted_connect}, {"connectx", connectx}, {"waiting", waiting},
		{"linger", linger}, {"ends", ends}, {"server_dies", server_dies}, {0},
	};
	return run(tests, argc, argv);
}
