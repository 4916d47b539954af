/* A client as people write it: binds one address with port 0, reads the port back
 * with getsockname, adds the other addresses at that port with sctp_bindx, lists
 * them with sctp_getladdrs, prints the port, connects, and has a message echoed.
 *
 *   bind_then_bindx SERVER PORT ADDRESS... */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		fprintf(stderr, "%s is no IPv4 address\n", ip);
		exit(2);
	}
	return a;
}

static void list(int fd)
{
	struct sockaddr *addrs;
	int n = sctp_getladdrs(fd, 0, &addrs);

	if (n < 0)
		die("sctp_getladdrs");
	for (int i = 0; i < n; i++) {
		struct sockaddr_in *a = (struct sockaddr_in *)addrs + i;
		char ip[INET_ADDRSTRLEN];

		printf("local %s %d\n", inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip), ntohs(a->sin_port));
	}
	sctp_freeladdrs(addrs);
}

int main(int argc, char **argv)
{
	struct sockaddr_in bound, server;
	socklen_t length = sizeof bound;
	char reply[64] = "";
	int fd, port;

	if (argc < 4) {
		fprintf(stderr, "usage: bind_then_bindx SERVER PORT ADDRESS...\n");
		return 2;
	}
	if ((fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)) < 0)
		die("socket");
	bound = address(argv[3], 0);
	if (bind(fd, (struct sockaddr *)&bound, sizeof bound) < 0)
		die("bind");
	if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
		die("getsockname");
	port = ntohs(bound.sin_port);
	for (int i = 4; i < argc; i++) {
		struct sockaddr_in more = address(argv[i], port);

		if (sctp_bindx(fd, (struct sockaddr *)&more, 1, SCTP_BINDX_ADD_ADDR) < 0)
			die("sctp_bindx");
	}
	list(fd);
	printf("ephemeral port %d\n", port);
	server = address(argv[1], atoi(argv[2]));
	if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
		die("connect");
	if (sctp_sendmsg(fd, "hello", 5, NULL, 0, 0, 0, 0, 0, 0) != 5)
		die("sctp_sendmsg");
	if (recv(fd, reply, sizeof reply - 1, 0) < 0)
		die("recv");
	printf("reply %s\n", reply);
	return close(fd);
}
