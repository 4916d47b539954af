/* Socket addresses from text and back. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

socklen_t make_address(struct sockaddr_storage *to, const char *text, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof *v6;
	}
	fail("%s is no address", text);
}

void pack(uint8_t *room, char **texts, int n, uint16_t port)
{
	struct sockaddr_storage a;

	for (int i = 0; i < n; i++) {
		socklen_t len = make_address(&a, texts[i], port);

		memcpy(room, &a, len);
		room += len;
	}
}

const char *address_text(const struct sockaddr_storage *a, char *room, size_t n)
{
	if (a->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, room, (socklen_t)n);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, room, (socklen_t)n);
	else
		snprintf(room, n, "family%d", a->ss_family);
	return room;
}
