/* The plain calls. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sctpsh.h"

static int do_socket(struct words *w)
{
	int family = number(w->argv[1]) == 6 ? AF_INET6 : AF_INET;
	int fd = socket(family, strcmp(w->argv[2], "stream") ? SOCK_SEQPACKET : SOCK_STREAM, IPPROTO_SCTP);

	ok("%d", fd);
	return fd;
}

static int do_bind(struct words *w)
{
	union address a;

	if (parse_address(w->argv[2], number(w->argv[3]), &a) < 0)
		return -1;
	return bind((int)number(w->argv[1]), &a.any, length_of(&a));
}

static int do_connect(struct words *w)
{
	union address a;

	if (parse_address(w->argv[2], number(w->argv[3]), &a) < 0)
		return -1;
	return connect((int)number(w->argv[1]), &a.any, length_of(&a));
}

static int do_listen(struct words *w) { return listen((int)number(w->argv[1]), (int)number(w->argv[2])); }

static int do_accept(struct words *w)
{
	union address a = {0};
	socklen_t n = sizeof a;
	int fd = accept((int)number(w->argv[1]), &a.any, &n);

	if (fd >= 0)
		ok("%d %s", fd, text_of(&a.any));
	return fd;
}

static int do_peeloff(struct words *w)
{
	int fd = sctp_peeloff((int)number(w->argv[1]), (sctp_assoc_t)number(w->argv[2]));

	ok("%d", fd);
	return fd;
}

static int do_shutdown(struct words *w)
{
	int how = !strcmp(w->argv[2], "rd") ? SHUT_RD : !strcmp(w->argv[2], "wr") ? SHUT_WR : SHUT_RDWR;

	return shutdown((int)number(w->argv[1]), how);
}

static int do_close(struct words *w) { return close((int)number(w->argv[1])); }

static int do_dup(struct words *w)
{
	int fd = dup((int)number(w->argv[1]));

	ok("%d", fd);
	return fd;
}

static int do_nonblock(struct words *w)
{
	int fd = (int)number(w->argv[1]), flags = fcntl(fd, F_GETFL);

	flags = number(w->argv[2]) ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags);
}

/* poll FD EVENTS MS: the letters r, w, e, h that are set; nothing after MS ms. */
static int do_poll(struct words *w)
{
	struct pollfd p = {.fd = (int)number(w->argv[1])};
	int n;

	if (strchr(w->argv[2], 'r'))
		p.events |= POLLIN;
	if (strchr(w->argv[2], 'w'))
		p.events |= POLLOUT;
	n = poll(&p, 1, (int)number(w->argv[3]));
	if (n >= 0)
		ok("%s%s%s%s", p.revents & POLLIN ? "r" : "", p.revents & POLLOUT ? "w" : "",
		   p.revents & POLLERR ? "e" : "", p.revents & POLLHUP ? "h" : "");
	return n;
}

const struct verb socket_verbs[] = {
	{"socket", 2, do_socket, "4|6 stream|seqpacket"},
	{"bind", 3, do_bind, "FD ADDRESS PORT"},
	{"connect", 3, do_connect, "FD ADDRESS PORT"},
	{"listen", 2, do_listen, "FD BACKLOG"},
	{"accept", 1, do_accept, "FD"},
	{"peeloff", 2, do_peeloff, "FD ASSOC"},
	{"shutdown", 2, do_shutdown, "FD rd|wr|rdwr"},
	{"close", 1, do_close, "FD"},
	{"dup", 1, do_dup, "FD"},
	{"nonblock", 2, do_nonblock, "FD 0|1"},
	{"poll", 3, do_poll, "FD rw MILLISECONDS"},
	{0},
};
