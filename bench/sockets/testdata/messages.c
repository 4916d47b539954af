/* Messages from a child to its parent over SCTP on the loopback, for a time:
 * messages stream|pingpong SIZE MILLISECONDS. Prints how many were received, or
 * came back, and in how many nanoseconds. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		_exit(1);
	}
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void stream(int fd, size_t size, uint64_t time)
{
	uint64_t end = now() + time;
	for (unsigned i = 0; i % 64 != 0 || now() < end; i++)
		check(send(fd, buffer, size, 0) == (ssize_t)size, "send");
}

static void pingpong(int fd, size_t size, uint64_t time)
{
	uint64_t count = 0, begin = now();
	for (; count % 64 != 0 || now() < begin + time; count++) {
		check(send(fd, buffer, size, 0) == (ssize_t)size, "send");
		check(recv(fd, buffer, sizeof buffer, 0) == (ssize_t)size, "recv");
	}
	printf("%lu %lu\n", (unsigned long)count, (unsigned long)(now() - begin));
	fflush(stdout);
}

/* Receives to the end, and sends everything back if it echoes. */
static void receive(int fd, int echoes)
{
	uint64_t count = 0, begin = 0;
	ssize_t n;
	while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) {
		if (begin == 0)
			begin = now();
		count++;
		if (echoes)
			check(send(fd, buffer, (size_t)n, 0) == n, "send");
	}
	check(n == 0, "recv");
	if (!echoes)
		printf("%lu %lu\n", (unsigned long)count, (unsigned long)(now() - begin));
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	int echoes = strcmp(argv[1], "pingpong") == 0;
	size_t size = (size_t)atol(argv[2]);
	uint64_t time = (uint64_t)atol(argv[3]) * 1000000;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	check(listener >= 0, "socket");
	check(bind(listener, (struct sockaddr *)&at, sizeof at) == 0, "bind");
	check(listen(listener, 1) == 0, "listen");
	check(getsockname(listener, (struct sockaddr *)&at, &length) == 0, "getsockname");
	pid_t child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
		check(connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
		(echoes ? pingpong : stream)(fd, size, time);
		close(fd);
		_exit(0);
	}
	int fd = accept(listener, NULL, NULL);
	check(fd >= 0, "accept");
	receive(fd, echoes);
	int status;
	check(waitpid(child, &status, 0) == child && status == 0, "child");
	return 0;
}
