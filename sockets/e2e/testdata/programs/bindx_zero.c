/* A client as people write it: all addresses with port 0 in one sctp_bindx call.
 * The kernel must give them one ephemeral port; older ones failed here.
 *
 *   bindx_zero SERVER PORT ADDRESS... */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 8

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in mine[MOST] = {0}, server = {.sin_family = AF_INET};
	struct sockaddr *addrs;
	char reply[64] = "";
	int fd, n = argc - 3;

	if (n < 1 || n > MOST) {
		fprintf(stderr, "usage: bindx_zero SERVER PORT ADDRESS...\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		mine[i].sin_family = AF_INET;
		if (inet_pton(AF_INET, argv[3 + i], &mine[i].sin_addr) != 1)
			return 2;
	}
	if ((fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)) < 0)
		die("socket");
	if (sctp_bindx(fd, (struct sockaddr *)mine, n, SCTP_BINDX_ADD_ADDR) < 0)
		die("sctp_bindx");
	if ((n = sctp_getladdrs(fd, 0, &addrs)) < 0)
		die("sctp_getladdrs");
	for (int i = 0; i < n; i++) {
		struct sockaddr_in *a = (struct sockaddr_in *)addrs + i;
		char ip[INET_ADDRSTRLEN];

		printf("local %s %d\n", inet_ntop(AF_INET, &a->sin_addr, ip, sizeof ip), ntohs(a->sin_port));
	}
	sctp_freeladdrs(addrs);
	inet_pton(AF_INET, argv[1], &server.sin_addr);
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
		die("connect");
	if (send(fd, "hello", 5, 0) != 5)
		die("send");
	if (recv(fd, reply, sizeof reply - 1, 0) < 0)
		die("recv");
	printf("reply %s\n", reply);
	return close(fd);
}
