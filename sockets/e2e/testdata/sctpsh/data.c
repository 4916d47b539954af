/* Messages and notifications, one at a time. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctpsh.h"

/* send FD TEXT [stream=N] [ppid=N] [flags=N] [ttl=N] [context=N] [size=N] [to=ADDRESS port=N]:
 * TEXT, repeated to SIZE bytes. */
static int do_send(struct words *w)
{
	static char message[MAX_MESSAGE];
	union address to;
	const char *ip = NULL, *text = w->argv[2];
	long stream = 0, ppid = 0, flags = 0, ttl = 0, context = 0, size = (long)strlen(text), port = 0;
	int n;

	for (int i = 3; i < w->argc; i++) {
		char *value = strchr(w->argv[i], '=');
		struct { const char *name; long *at; } known[] = {
			{"stream", &stream}, {"ppid", &ppid}, {"flags", &flags}, {"ttl", &ttl},
			{"context", &context}, {"size", &size}, {"port", &port},
		};

		if (!value)
			return errno = EINVAL, -1;
		*value++ = 0;
		if (!strcmp(w->argv[i], "to"))
			ip = value;
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			if (!strcmp(w->argv[i], known[k].name))
				*known[k].at = number(value);
	}
	if (size > MAX_MESSAGE || (ip && parse_address(ip, port, &to) < 0))
		return errno = EINVAL, -1;
	for (long i = 0; i < size; i++)
		message[i] = text[i % (long)strlen(text)];
	n = sctp_sendmsg((int)number(w->argv[1]), message, (size_t)size, ip ? &to.any : NULL, ip ? length_of(&to) : 0,
			 htonl((uint32_t)ppid), (uint32_t)flags, (uint16_t)stream, (uint32_t)ttl, (uint32_t)context);
	ok("%d", n);
	return n;
}

/* recv FD [SIZE]: "data TEXT n=… stream=… ssn=… ppid=… assoc=… from=… [unordered] [part]", a
 * notification, or "eof". TEXT is the first 64 bytes. */
static int do_recv(struct words *w)
{
	static char message[MAX_MESSAGE];
	size_t room = w->argc > 2 ? (size_t)number(w->argv[2]) : sizeof message;
	union address from = {0};
	socklen_t length = sizeof from;
	struct sctp_sndrcvinfo info = {0};
	int flags = 0, n;

	if (room > sizeof message)
		return errno = EINVAL, -1;
	n = sctp_recvmsg((int)number(w->argv[1]), message, room, &from.any, &length, &info, &flags);
	if (n < 0)
		return -1;
	if (flags & MSG_NOTIFICATION)
		ok("notification %s", text_of_notification(message, (size_t)n));
	else if (n == 0)
		ok("eof");
	else
		ok("data %.*s n=%d stream=%u ssn=%u ppid=%u assoc=%d from=%s%s%s", n < 64 ? n : 64, message, n,
		   info.sinfo_stream, info.sinfo_ssn, ntohl(info.sinfo_ppid), (int)info.sinfo_assoc_id,
		   length ? text_of(&from.any) : "-", info.sinfo_flags & SCTP_UNORDERED ? " unordered" : "",
		   flags & MSG_EOR ? "" : " part");
	return 0;
}

const struct verb data_verbs[] = {
	{"send", 2, do_send, "FD TEXT [stream=N] [ppid=N] [flags=N] [ttl=N] [context=N] [size=N] [to=ADDRESS port=N]"},
	{"recv", 1, do_recv, "FD [SIZE]"},
	{0},
};
