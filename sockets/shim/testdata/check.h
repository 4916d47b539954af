/* What the test programs share. Each runs one of its cases, named in argv[1]. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
	do { \
		errno = 0; \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno, strerror(errno)); \
			_exit(1); \
		} \
	} while (0)

/* An expression fails with an errno. */
#define FAILS(expression, error) CHECK((expression) == -1 && errno == (error))

enum { SLOW = 7001, REFUSED = 7002, LATE = 7003 };
enum { LEVEL = 9999, DECIDE = 1, DIE, BURST, NOTIFY, RESET, FRAMES, ECHO_OPTION, PROOFS };

struct test { const char *name; void (*run)(void); };

__attribute__((unused)) static struct sockaddr_in at(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

__attribute__((unused)) static int sctp(void)
{
	int fd;
	CHECK((fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)) >= 0);
	return fd;
}

__attribute__((unused)) static int listening(int port)
{
	struct sockaddr_in a = at(port);
	int fd = sctp();
	CHECK(bind(fd, (void *)&a, sizeof a) == 0);
	CHECK(listen(fd, 5) == 0);
	return fd;
}

__attribute__((unused)) static void command(int fd, int name, int argument)
{
	CHECK(setsockopt(fd, LEVEL, name, &argument, sizeof argument) == 0);
}

/* Two connected sockets of this process. */
__attribute__((unused)) static void couple(int pair[2])
{
	static int port = 5000;
	struct sockaddr_in a = at(++port);
	int listener = listening(port);
	pair[0] = sctp();
	CHECK(connect(pair[0], (void *)&a, sizeof a) == 0);
	CHECK((pair[1] = accept(listener, NULL, NULL)) >= 0);
	CHECK(close(listener) == 0);
}

__attribute__((unused)) static int events(int fd, int wanted, int ms)
{
	struct pollfd p = {.fd = fd, .events = (short)wanted};
	CHECK(poll(&p, 1, ms) >= 0);
	return p.revents;
}

/* Waits for a child that must have succeeded. */
__attribute__((unused)) static void succeeded(pid_t child)
{
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int run(const struct test *tests, int argc, char **argv)
{
	alarm(20);
	for (; tests->name != NULL; tests++) {
		if (argc < 2)
			puts(tests->name);
		else if (strcmp(tests->name, argv[1]) == 0)
			return tests->run(), 0;
	}
	return argc < 2 ? 0 : 2;
}
