/* Addresses in and out. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctpsh.h"

int parse_address(const char *ip, long port, union address *out)
{
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, ip, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return 0;
	}
	if (inet_pton(AF_INET6, ip, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		return 0;
	}
	errno = EINVAL;
	return -1;
}

socklen_t length_of(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

const char *text_of(const struct sockaddr *a)
{
	static char rooms[4][80];
	static int next;
	char ip[INET6_ADDRSTRLEN] = "?", *out = rooms[next++ % 4];

	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)a;

		inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
		snprintf(out, sizeof rooms[0], "%s:%d", ip, ntohs(v4->sin_port));
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)a;

		inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
		snprintf(out, sizeof rooms[0], "[%s]:%d", ip, ntohs(v6->sin6_port));
	} else {
		snprintf(out, sizeof rooms[0], "family %d", a->sa_family);
	}
	return out;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

const char *text_of_list(const struct sockaddr *packed, int n)
{
	static char out[4096];
	char texts[MAX_ADDRS][80];
	const uint8_t *at = (const void *)packed;

	if (n > MAX_ADDRS)
		n = MAX_ADDRS;
	for (int i = 0; i < n; i++) {
		const struct sockaddr *a = (const void *)at;

		snprintf(texts[i], sizeof texts[i], "%s", text_of(a));
		at += a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	}
	qsort(texts, (size_t)n, sizeof texts[0], by_text);
	out[0] = 0;
	for (int i = 0; i < n; i++)
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", texts[i]);
	return out;
}

int pack(struct words *w, int from, long port, uint8_t *room)
{
	int n = 0;

	for (int i = from; i < w->argc && n < MAX_ADDRS; i++, n++) {
		union address a;

		if (parse_address(w->argv[i], port, &a) < 0)
			return -1;
		memcpy(room, &a, length_of(&a));
		room += length_of(&a);
	}
	return n;
}

static int bindx(struct words *w)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];
	int n = pack(w, 4, number(w->argv[3]), room);

	if (n < 0)
		return -1;
	return sctp_bindx((int)number(w->argv[1]), (void *)room, n,
			  strcmp(w->argv[2], "add") ? SCTP_BINDX_REM_ADDR : SCTP_BINDX_ADD_ADDR);
}

static int connectx(struct words *w)
{
	uint8_t room[MAX_ADDRS * sizeof(struct sockaddr_in6)];
	int n = pack(w, 3, number(w->argv[2]), room);
	sctp_assoc_t id = 0;

	if (n < 0)
		return -1;
	n = sctp_connectx((int)number(w->argv[1]), (void *)room, n, &id);
	ok("%d", (int)id);
	return n;
}

static int name_of(struct words *w, int (*get)(int, struct sockaddr *, socklen_t *))
{
	union address a = {0};
	socklen_t n = sizeof a;

	if (get((int)number(w->argv[1]), &a.any, &n) < 0)
		return -1;
	ok("%s", text_of(&a.any));
	return 0;
}

static int sockname(struct words *w) { return name_of(w, getsockname); }
static int peername(struct words *w) { return name_of(w, getpeername); }

static sctp_assoc_t optional_id(struct words *w, int i)
{
	return w->argc > i ? (sctp_assoc_t)number(w->argv[i]) : 0;
}

static int laddrs(struct words *w)
{
	struct sockaddr *list;
	int n = sctp_getladdrs((int)number(w->argv[1]), optional_id(w, 2), &list);

	if (n > 0) {
		ok("%s", text_of_list(list, n));
		sctp_freeladdrs(list);
	}
	return n;
}

static int paddrs(struct words *w)
{
	struct sockaddr *list;
	int n = sctp_getpaddrs((int)number(w->argv[1]), optional_id(w, 2), &list);

	if (n > 0) {
		ok("%s", text_of_list(list, n));
		sctp_freepaddrs(list);
	}
	return n;
}

const struct verb address_verbs[] = {
	{"bindx", 4, bindx, "FD add|rem PORT ADDRESS…"},
	{"connectx", 3, connectx, "FD PORT ADDRESS…"},
	{"getsockname", 1, sockname, "FD"},
	{"getpeername", 1, peername, "FD"},
	{"laddrs", 1, laddrs, "FD [ASSOC]"},
	{"paddrs", 1, paddrs, "FD [ASSOC]"},
	{0},
};
