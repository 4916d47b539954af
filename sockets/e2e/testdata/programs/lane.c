/* Busy sockets, in all the ways in which programs use them: lane CASE. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%d: %s (%s)\n", __LINE__, #condition, strerror(errno)); \
			_exit(1); \
		} \
	} while (0)

enum { LONGEST = 150000 };

static void couple(int pair[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	CHECK(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
	CHECK(listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &length) == 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	CHECK(connect(pair[0], (struct sockaddr *)&at, sizeof at) == 0);
	CHECK((pair[1] = accept(listener, NULL, NULL)) >= 0);
	close(listener);
}

/* Message i, of a length that i determines; every word of it is i. */
static size_t message(uint32_t i, uint32_t *words, size_t longest)
{
	size_t n = (i * 2654435761u >> 8) % (i % 16 == 0 ? longest / 4 : 400) + 1;
	for (size_t w = 0; w < n; w++)
		words[w] = i;
	return n * 4;
}

static void send_all(int fd, uint32_t count, size_t longest)
{
	static __thread uint32_t words[LONGEST / 4];
	for (uint32_t i = 0; i < count; i++) {
		size_t n = message(i, words, longest);
		ssize_t sent;
		while ((sent = send(fd, words, n, 0)) < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};
			CHECK(poll(&p, 1, 10000) == 1);
		}
		CHECK(sent == (ssize_t)n);
	}
}

/* Reads messages 0 to count - 1 in order, piece bytes at a time. With polls readiness may
 * come early a few times, when the server is held up between the bell and what it rings for. */
static void recv_all(int fd, uint32_t count, size_t longest, size_t piece, int polls)
{
	int early = 0;
	static __thread uint32_t words[LONGEST / 4], got[LONGEST / 4];
	for (uint32_t i = 0; i < count; i++) {
		size_t n = message(i, words, longest), done = 0;
		while (done < n) {
			struct pollfd p = {.fd = fd, .events = POLLIN};
			int pending;
			if (polls)
				CHECK(poll(&p, 1, 10000) == 1);
			size_t room = piece < sizeof got - done ? piece : sizeof got - done;
			if (i % 7 == 0) {
				ssize_t seen = recv(fd, (char *)got + done, room, MSG_PEEK);
				if (polls && seen < 0 && errno == EAGAIN && ++early < 10)
					continue;
				CHECK(seen > 0);
				CHECK(ioctl(fd, FIONREAD, &pending) == 0 && pending > 0);
			}
			struct iovec iov = {(char *)got + done, room};
			struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
			ssize_t r = recvmsg(fd, &m, 0);
			if (polls && r < 0 && errno == EAGAIN && ++early < 10)
				continue;
			CHECK(r > 0);
			done += (size_t)r;
			CHECK(!(m.msg_flags & MSG_EOR) == (done < n));
		}
		CHECK(done == n && memcmp(words, got, n) == 0);
	}
}

struct job { int fd; uint32_t count; size_t longest; };

static void *sender(void *argument)
{
	struct job *j = argument;
	send_all(j->fd, j->count, j->longest);
	return NULL;
}

static void one_way(uint32_t count, size_t longest, size_t piece, int nonblocking)
{
	int p[2];
	couple(p);
	if (nonblocking) {
		fcntl(p[0], F_SETFL, O_RDWR | O_NONBLOCK);
		fcntl(p[1], F_SETFL, O_RDWR | O_NONBLOCK);
	}
	struct job j = {p[0], count, longest};
	pthread_t t;
	CHECK(pthread_create(&t, NULL, sender, &j) == 0);
	recv_all(p[1], count, longest, piece, nonblocking);
	CHECK(pthread_join(t, NULL) == 0);
	close(p[0]);
	struct pollfd end = {.fd = p[1], .events = POLLIN};
	char b;
	ssize_t n = -1;
	for (int early = 0; early < 10; early++) {
		CHECK(poll(&end, 1, 10000) == 1);
		if ((n = recv(p[1], &b, 1, 0)) == 0 || errno != EAGAIN)
			break;
	}
	CHECK(n == 0);
}

static void order(void) { one_way(20000, 60000, LONGEST, 0); }
static void readiness(void) { one_way(20000, 8000, LONGEST, 1); }
static void parts(void) { one_way(3000, 60000, 777, 0); }
static void long_ones(void) { one_way(3000, LONGEST, LONGEST, 0); }
static void long_ready(void) { one_way(2000, LONGEST, LONGEST, 1); }

enum { THREADS = 3, EACH = 5000 };
static _Atomic uint32_t seen[THREADS * EACH];
static int threads_fd[2];

static void *thread_sends(void *argument)
{
	uint32_t words[50];
	for (uint32_t i = 0; i < EACH; i++) {
		for (int w = 0; w < 50; w++)
			words[w] = (uint32_t)(intptr_t)argument * EACH + i;
		CHECK(send(threads_fd[0], words, sizeof words, 0) == sizeof words);
	}
	return NULL;
}

static void *thread_receives(void *argument)
{
	uint32_t words[50];
	(void)argument;
	ssize_t n;
	while ((n = recv(threads_fd[1], words, sizeof words, 0)) > 0) {
		CHECK(n == sizeof words && words[0] == words[49] && words[0] < THREADS * EACH);
		CHECK(seen[words[0]]++ == 0);
	}
	CHECK(n == 0);
	return NULL;
}

static void threads(void)
{
	pthread_t t[2 * THREADS];
	couple(threads_fd);
	for (intptr_t i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&t[i], NULL, thread_sends, (void *)i) == 0);
		CHECK(pthread_create(&t[THREADS + i], NULL, thread_receives, NULL) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[i], NULL) == 0);
	close(threads_fd[0]);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(t[THREADS + i], NULL) == 0);
	for (int i = 0; i < THREADS * EACH; i++)
		CHECK(seen[i] == 1);
}

/* fork of a child that ends with its parent, however that ends. */
static pid_t mortal(void)
{
	pid_t parent = getpid(), child = fork();
	if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(1);
	return child;
}

/* Writers and readers are killed in the midst; who is left goes on to the end. */
static void killed(void)
{
	int p[2];
	char b[2000];
	couple(p);
	for (int round = 0; round < 20; round++) {
		pid_t writer = mortal();
		if (writer == 0)
			for (;;)
				send(p[0], b, 1000, 0);
		pid_t reader = mortal();
		if (reader == 0)
			for (;;)
				recv(p[1], b, sizeof b, 0);
		for (int i = 0; i < 2000; i++)
			CHECK(recv(p[1], b, sizeof b, 0) == 1000);
		usleep(1000 * (round % 4));
		kill(reader, SIGKILL);
		kill(writer, SIGKILL);
		CHECK(waitpid(reader, NULL, 0) == reader && waitpid(writer, NULL, 0) == writer);
	}
	pid_t last = fork();
	if (last == 0) {
		close(p[1]);
		for (int i = 0; i < 5000; i++)
			CHECK(send(p[0], b, 1001, 0) == 1001);
		_exit(0);
	}
	close(p[0]);
	int whole = 0;
	ssize_t n;
	while ((n = recv(p[1], b, sizeof b, 0)) > 0)
		whole += n == 1001;
	CHECK(n == 0 && whole == 5000);
}

static volatile int interrupted;
static void on_signal(int n) { (void)n; interrupted++; }

/* Waits end as the descriptor's do. */
static void waits(void)
{
	int p[2];
	static char b[1000];
	couple(p);
	for (int i = 0; i < 1000; i++) {
		CHECK(send(p[0], b, sizeof b, 0) == sizeof b);
		CHECK(recv(p[1], b, sizeof b, 0) == sizeof b);
	}
	struct timeval short_while = {.tv_usec = 50000};
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &short_while, sizeof short_while) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == -1 && errno == EAGAIN);
	CHECK(recv(p[1], b, sizeof b, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &short_while, sizeof short_while) == 0);
	int sent = 0;
	struct pollfd out = {.fd = p[0], .events = POLLOUT};
	do { /* a server that was held up for as long takes more afterwards */
		while (send(p[0], b, sizeof b, 0) == sizeof b)
			sent++;
		CHECK(errno == EAGAIN);
	} while (poll(&out, 1, 0) != 0);
	struct timeval for_ever = {0};
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever) == 0);
	for (int i = 0; i < sent; i++)
		CHECK(recv(p[1], b, sizeof b, 0) == sizeof b);
	CHECK(poll(&out, 1, 10000) == 1 && out.revents == POLLOUT);

	struct sigaction act = {.sa_handler = on_signal};
	struct itimerval soon = {.it_value.tv_usec = 50000, .it_interval.tv_usec = 50000}; /* the first may come before the wait */
	CHECK(sigaction(SIGALRM, &act, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
	CHECK(recv(p[1], b, sizeof b, 0) == -1 && errno == EINTR && interrupted > 0);
	int before = interrupted;
	act.sa_flags = SA_RESTART;
	CHECK(sigaction(SIGALRM, &act, NULL) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
	if (fork() == 0) {
		usleep(200000);
		send(p[0], b, 10, 0);
		_exit(0);
	}
	CHECK(recv(p[1], b, sizeof b, 0) == 10 && interrupted > before);
	wait(NULL);
}

/* Another program goes on with both ends. */
static void replaced(char **argv)
{
	int p[2];
	char a[20], b[20];
	couple(p);
	struct job j = {p[0], 500, 4000};
	pthread_t t;
	CHECK(pthread_create(&t, NULL, sender, &j) == 0);
	recv_all(p[1], 500, 4000, LONGEST, 0);
	CHECK(pthread_join(t, NULL) == 0);
	send_all(p[0], 100, 4000);
	snprintf(a, sizeof a, "%d", p[0]);
	snprintf(b, sizeof b, "%d", p[1]);
	execl(argv[0], argv[0], "goes_on", a, b, NULL);
	CHECK(0);
}

static void goes_on(char **argv)
{
	int p[2] = {atoi(argv[2]), atoi(argv[3])};
	recv_all(p[1], 100, 4000, LONGEST, 0);
	struct job j = {p[0], 1000, 4000};
	pthread_t t;
	CHECK(pthread_create(&t, NULL, sender, &j) == 0);
	recv_all(p[1], 1000, 4000, LONGEST, 1);
	CHECK(pthread_join(t, NULL) == 0);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } cases[] = {
		{"order", order}, {"readiness", readiness}, {"parts", parts}, {"long", long_ones}, {"long_ready", long_ready},
		{"threads", threads}, {"killed", killed}, {"waits", waits},
	};
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; i++)
		if (strcmp(cases[i].name, argv[1]) == 0)
			return cases[i].run(), 0;
	if (argc == 2 && strcmp(argv[1], "replaced") == 0)
		replaced(argv);
	if (argc == 4)
		return goes_on(argv), 0;
	return 2;
}
