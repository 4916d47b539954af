/* Descriptors: copied, inherited, passed, exhausted, and those of others. */
#include <stdbool.h>

#include "check.h"

static char *self;

static void copies(void)
{
	int p[2];
	char b[10];
	couple(p);
	int copy = dup(p[0]), second = dup2(p[0], 100), third = dup3(p[0], 101, O_CLOEXEC), fourth = fcntl(p[0], F_DUPFD_CLOEXEC, 200);
	CHECK(copy >= 0 && second == 100 && third == 101 && fourth >= 200);
	CHECK(close(p[0]) == 0);
	CHECK(send(copy, "a", 1, 0) == 1 && write(second, "b", 1) == 1 && send(third, "c", 1, 0) == 1 && send(fourth, "d", 1, 0) == 1);
	for (int i = 0; i < 4; i++)
		CHECK(recv(p[1], b, sizeof b, 0) == 1 && b[0] == 'a' + i);
	/* A read begun on one goes on on another. */
	CHECK(send(p[1], "0123", 4, 0) == 4);
	CHECK(recv(copy, b, 2, 0) == 2 && recv(fourth, b, sizeof b, 0) == 2 && b[0] == '2');
	/* Other descriptors on top of ours. */
	int null = open("/dev/null", O_RDWR);
	CHECK(dup2(null, 100) == 100 && write(100, "file", 4) == 4 && read(100, b, 4) == 0);
	CHECK(close(copy) == 0 && close(third) == 0 && close(fourth) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == 0);
	FAILS(recv(copy, b, sizeof b, 0), EBADF);
}

static void forked(void)
{
	int p[2];
	char b[10];
	couple(p);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		struct sockaddr_in name;
		socklen_t n = sizeof name;
		CHECK(getsockname(p[1], (void *)&name, &n) == 0);
		CHECK(close(p[0]) == 0);
		CHECK(recv(p[1], b, sizeof b, 0) == 5 && send(p[1], "child", 5, 0) == 5);
		CHECK(close(sctp()) == 0);
		_exit(0);
	}
	CHECK(close(p[1]) == 0);
	CHECK(send(p[0], "hello", 5, 0) == 5 && recv(p[0], b, sizeof b, 0) == 5 && memcmp(b, "child", 5) == 0);
	CHECK(recv(p[0], b, sizeof b, 0) == 0);
	succeeded(child);
	CHECK(close(sctp()) == 0);
}

static void *busy(void *arg)
{
	int p[2];
	couple(p);
	for (volatile int *stop = arg; !*stop;) {
		char b[10];
		CHECK(send(p[0], "x", 1, 0) == 1 && recv(p[1], b, sizeof b, 0) == 1);
		CHECK(close(sctp()) == 0);
	}
	return NULL;
}

/* fork while another thread is in the library. */
static void forked_busy(void)
{
	int stop = 0, fd = sctp();
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, busy, &stop) == 0);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();
		if (child == 0) {
			command(fd, ECHO_OPTION, i);
			CHECK(close(sctp()) == 0);
			_exit(0);
		}
		succeeded(child);
	}
	stop = 1;
	CHECK(pthread_join(thread, NULL) == 0);
}

/* A child that shares our memory and closes everything does not close it here. */
static void vforked(void)
{
	int p[2];
	char b[10];
	couple(p);
	pid_t child = vfork();
	if (child == 0) {
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		dup2(0, p[0]);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	succeeded(child);
	CHECK(send(p[0], "x", 1, 0) == 1 && recv(p[1], b, sizeof b, 0) == 1);
	CHECK(close(sctp()) == 0);
}

/* fork without the C library's knowledge: the child's table is its own. */
static void cloned(void)
{
	int p[2];
	char b[10];
	couple(p);
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	CHECK(child >= 0);
	if (child == 0) {
		CHECK(send(p[0], "x", 1, 0) == 1 && recv(p[1], b, sizeof b, 0) == 1);
		CHECK(close(p[0]) == 0 && syscall(SYS_dup3, open("/dev/null", O_RDWR), p[0], 0) == p[0] && write(p[0], b, 1) == 1);
		CHECK(close(sctp()) == 0);
		_exit(0);
	}
	succeeded(child);
	CHECK(send(p[0], "x", 1, 0) == 1 && recv(p[1], b, sizeof b, 0) == 1 && close(sctp()) == 0);
}

static void executed(void)
{
	int p[2];
	char b[10], number[10];
	couple(p);
	CHECK(send(p[0], "0123456789", 10, 0) == 10 && recv(p[1], b, 4, 0) == 4);
	snprintf(number, sizeof number, "%d", p[1]);
	pid_t child = fork();
	if (child == 0) {
		execl(self, self, "inherited", number, NULL);
		_exit(1);
	}
	succeeded(child);
	CHECK(recv(p[0], b, sizeof b, 0) == 4 && memcmp(b, "done", 4) == 0);
}

static int inherited_descriptor;

static void inherited(void)
{
	int fd = inherited_descriptor, value;
	char b[10];
	struct sockaddr_in name;
	socklen_t n = sizeof name, size = sizeof value;
	CHECK(read(fd, b, sizeof b) == 6 && memcmp(b, "456789", 6) == 0);
	CHECK(getpeername(fd, (void *)&name, &n) == 0);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_STREAM);
	CHECK(write(fd, "done", 4) == 4);
}

/* A connect in progress goes on in another program. */
static void executed_connecting(void)
{
	char number[10];
	struct sockaddr_in a = at(SLOW);
	int listener = listening(SLOW), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
	FAILS(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
	snprintf(number, sizeof number, "%d", fd);
	pid_t child = fork();
	if (child == 0) {
		execl(self, self, "connecting", number, NULL);
		_exit(1);
	}
	int accepted = accept(listener, NULL, NULL);
	char b[60000];
	CHECK(recv(accepted, b, sizeof b, 0) == sizeof b);
	succeeded(child);
}

static void connecting(void)
{
	int fd = inherited_descriptor, error;
	socklen_t n = sizeof error;
	static char large[60000];
	CHECK(events(fd, POLLOUT, 0) == 0);
	command(sctp(), DECIDE, 0);
	CHECK(events(fd, POLLOUT, 5000) == POLLOUT);
	CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0);
	CHECK(send(fd, large, sizeof large, 0) == sizeof large);
}

static void passed(void)
{
	int p[2], q[2];
	char b[10], space[CMSG_SPACE(sizeof(int))] = {0};
	couple(p);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
	struct iovec iov = {b, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &p[0], sizeof(int));
	CHECK(sendmsg(q[0], &m, 0) == 1);
	CHECK(close(p[0]) == 0);
	CHECK(recvmsg(q[1], &m, 0) == 1);
	int fd;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	CHECK(send(fd, "x", 1, 0) == 1 && recv(p[1], b, sizeof b, 0) == 1);
}

static void closed_all(void)
{
	int p[2];
	char b[10];
	couple(p);
	dup2(p[0], 3);
	dup2(p[1], 4);
	for (int fd = 5; fd < 2000; fd++)
		close(fd);
	CHECK(send(3, "x", 1, 0) == 1 && recv(4, b, sizeof b, 0) == 1 && close(sctp()) == 0);
	closefrom(5);
	CHECK(send(3, "x", 1, 0) == 1 && recv(4, b, sizeof b, 0) == 1 && close(sctp()) == 0);
	CHECK(close_range(4, ~0U, 0) == 0);
	FAILS(recv(4, b, sizeof b, 0), EBADF);
	CHECK(recv(3, b, sizeof b, 0) == 0);
	/* Raw system calls take the control connection away; it is not mistaken. */
	for (int fd = 4; fd < 1100; fd++)
		syscall(SYS_close, fd);
	for (int fd = 4; fd < 1100; fd++)
		CHECK(syscall(SYS_dup3, 3, fd, 0) == fd);
	CHECK(close_range(4, ~0U, 0) == 0);
	CHECK(close(sctp()) == 0);
	/* The number of the control connection can be had. */
	for (int fd = 4; fd < 1100; fd++)
		CHECK(dup2(1, fd) == fd);
	CHECK(close(sctp()) == 0);
}

static void exhausted(void)
{
	struct rlimit limit = {64, 64};
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	struct sockaddr_in a = at(5900);
	int listener = listening(5900), fd = sctp(), last = -1, n = 0;
	char b[10];
	CHECK(connect(fd, (void *)&a, sizeof a) == 0);
	for (int next; (next = open("/dev/null", O_RDWR)) >= 0; last = next)
		n++;
	CHECK(n > 40);
	FAILS(accept(listener, NULL, NULL), EMFILE);
	FAILS(accept(listener, NULL, NULL), EMFILE);
	FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP), EMFILE);
	CHECK(send(fd, "x", 1, 0) == 1);
	CHECK(close(last) == 0);
	int accepted;
	CHECK((accepted = accept(listener, NULL, NULL)) == last && recv(accepted, b, sizeof b, 0) == 1);
}

/* More sockets than one chunk of the tables has, twice over. */
static void crowd(void)
{
	enum { N = 600 };
	static int fd[N];
	struct rlimit limit = {N + 100, N + 100};
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			struct sockaddr_in a = at(10000 + i);
			fd[i] = sctp();
			CHECK(bind(fd[i], (void *)&a, sizeof a) == 0);
		}
		for (int i = N - 1; i >= 0; i -= 1 + round) {
			struct sockaddr_in a;
			socklen_t n = sizeof a;
			CHECK(getsockname(fd[i], (void *)&a, &n) == 0 && ntohs(a.sin_port) == 10000 + i);
			CHECK(close(fd[i]) == 0);
		}
	}
}

static void lowest_number(void)
{
	int first = open("/dev/null", O_RDONLY), fd = sctp(), next = open("/dev/null", O_RDONLY);
	CHECK(fd == first + 1 && next == fd + 1);
}

static int shared_socket;
static _Atomic int seen[1000];

static void *reader(void *arg)
{
	char b[10], more[10];
	for (;;) {
		ssize_t n = recv(shared_socket, b, 4, 0);
		CHECK(n >= 0);
		if (n == 0)
			return arg;
		memcpy(more, b, (size_t)n);
		more[n] = 0;
		CHECK(n == 4);
		CHECK(atoi(more) < 1000);
		seen[atoi(more)]++;
	}
}

static void threads(void)
{
	int p[2];
	pthread_t thread[4];
	char b[10];
	couple(p);
	shared_socket = p[1];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(thread + i, NULL, reader, NULL) == 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(b, sizeof b, "%04d", i);
		CHECK(send(p[0], b, 4, 0) == 4);
	}
	CHECK(close(p[0]) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (int i = 0; i < 1000; i++)
		CHECK(seen[i] == 1);
}

/* Several threads read in pieces: every byte comes once, and then the end. What is left of a
 * message may be as long as a bell, or shorter than a header. */
static _Atomic long sum;
static _Atomic bool all_sent;
static size_t piece;

static void *piece_reader(void *arg)
{
	unsigned char b[7];
	ssize_t n;
	for (;;) {
		CHECK((n = recv(shared_socket, b, piece, 0)) >= 0);
		for (ssize_t i = 0; i < n; i++)
			sum += b[i];
		if (n == 0)
			break;
	}
	CHECK(all_sent);
	return arg;
}

static void read_in_pieces(size_t size)
{
	int p[2];
	pthread_t thread[3];
	unsigned char b[50];
	long want = 0;
	couple(p);
	shared_socket = p[1];
	piece = size;
	sum = all_sent = 0;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(thread + i, NULL, piece_reader, NULL) == 0);
	for (int i = 0; i < 500; i++) {
		size_t n = (size_t)(i % 50 + 1);
		for (size_t j = 0; j < n; j++)
			want += b[j] = (unsigned char)(i + (int)j);
		CHECK(send(p[0], b, n, 0) == (ssize_t)n);
	}
	all_sent = true;
	CHECK(close(p[0]) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK(sum == want);
}

static void pieces(void)
{
	for (size_t size = 1; size <= 7; size += 3)
		read_in_pieces(size);
}

/* What is not ours works as ever. */
static void others(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), pipes[2], value;
	char b[10];
	CHECK(bind(listener, (void *)&a, sizeof a) == 0 && listen(listener, 5) == 0 && getsockname(listener, (void *)&a, &n) == 0);
	CHECK(connect(fd, (void *)&a, sizeof a) == 0);
	int accepted = accept(listener, NULL, NULL);
	CHECK(accepted >= 0 && send(fd, "tcp", 3, 0) == 3 && recv(accepted, b, sizeof b, 0) == 3);
	n = sizeof value;
	CHECK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &n) == 0 && value == IPPROTO_TCP);
	CHECK(pipe(pipes) == 0 && write(pipes[1], "p", 1) == 1 && read(pipes[0], b, sizeof b) == 1);
	CHECK(ioctl(pipes[0], FIONREAD, &value) == 0 && value == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pipes) == 0 && send(pipes[0], "u", 1, 0) == 1 && recv(pipes[1], b, sizeof b, 0) == 1);
	FAILS(recv(999, b, sizeof b, 0), EBADF);
	FAILS(close(999), EBADF);
	FAILS(close(-1), EBADF);
	FAILS(socket(AF_INET, SOCK_DGRAM, IPPROTO_SCTP), EPROTONOSUPPORT);
	FILE *file = tmpfile();
	CHECK(file != NULL && fputs("x", file) >= 0 && fclose(file) == 0);
}

/* Every request is allowed only with the descriptor. */
static void proven(void)
{
	int p[2], proofs;
	socklen_t n = sizeof proofs;
	couple(p);
	CHECK(getsockopt(p[0], LEVEL, PROOFS, &proofs, &n) == 0 && proofs > 3);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{"copies", copies}, {"forked", forked}, {"forked_busy", forked_busy}, {"vforked", vforked}, {"cloned", cloned}, {"executed", executed}, {"executed_connecting", executed_connecting}, {"passed", passed},
		{"closed_all", closed_all}, {"exhausted", exhausted}, {"crowd", crowd}, {"lowest_number", lowest_number}, {"threads", threads}, {"pieces", pieces},
		{"others", others}, {"proven", proven}, {0},
	};
	self = argv[0];
	if (argc == 3) {
		inherited_descriptor = atoi(argv[2]);
		alarm(20);
		strcmp(argv[1], "inherited") == 0 ? inherited() : connecting();
		return 0;
	}
	return run(tests, argc, argv);
}
