/* The commands that the tests write while the peer runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static void do_shutdown(struct session *s, const char *unused)
{
	(void)unused;
	usrsctp_shutdown(s->so, SHUT_WR);
}

static void do_abort(struct session *s, const char *unused)
{
	(void)unused;
	send_message(s, (const uint8_t *)"", 0, 0, 0, SCTP_ABORT);
}

static void do_paths(struct session *s, const char *unused)
{
	(void)unused;
	tell_stack();
	tell_paths(s->so);
	say("PATHS port=%u", s->port);
}

static void do_watch(struct session *s, const char *unused)
{
	(void)unused;
	tell_watch(s);
}

static void do_primary(struct session *s, const char *address)
{
	struct sctp_setprim p = {0};

	make_address(&p.ssp_addr, address, opt.server ? s->port : opt.port);
	set_option_of(s->so, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &p, sizeof p, "SCTP_PRIMARY_ADDR");
}

static void do_halt(struct session *s, const char *unused)
{
	(void)unused;
	s->halted = true;
	say("HALTED");
}

static void do_resume(struct session *s, const char *unused)
{
	(void)unused;
	s->halted = false;
	sem_post(&s->resume);
}

static void do_stop(struct session *s, const char *unused)
{
	(void)unused;
	s->stopped = true;
}

static void do_go(struct session *s, const char *unused)
{
	(void)unused;
	sem_post(&s->go);
}

static void do_send(struct session *s, const char *what)
{
	unsigned size, stream, ppid, flags;
	uint8_t *room;

	if (sscanf(what, "%u %u %u %u", &size, &stream, &ppid, &flags) != 4)
		fail("send wants SIZE STREAM PPID FLAGS, not %s", what);
	room = calloc(1, size + 1);
	fill(room, size, ppid);
	send_message(s, room, size, (uint16_t)stream, htonl(ppid), (uint16_t)flags);
	free(room);
}

static const struct command {
	const char *name;
	void (*obey)(struct session *, const char *argument);
} commands[] = {
	{"shutdown", do_shutdown}, {"abort", do_abort}, {"paths", do_paths}, {"watch", do_watch}, {"primary", do_primary},
	{"halt", do_halt}, {"resume", do_resume}, {"stop", do_stop}, {"go", do_go}, {"send", do_send},
	{"add", do_add}, {"remove", do_remove}, {"prefer", do_prefer},
};

static void obey(char *line)
{
	unsigned port = 0;
	char *argument;

	if (*line == '@') {
		port = (unsigned)strtoul(line + 1, &line, 10);
		line += strspn(line, " ");
	}
	argument = line + strcspn(line, " ");
	if (*argument != '\0')
		*argument++ = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(line, commands[i].name) == 0) {
			each_session(port, commands[i].obey, argument);
			return;
		}
	fail("unknown command %s", line);
}

static void *read_commands(void *unused)
{
	char line[256];

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		obey(line);
	}
	return unused;
}

void start_commands(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, read_commands, NULL);
}
