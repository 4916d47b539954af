/* Reads commands, runs them, answers. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sctpsh.h"

static pthread_mutex_t out = PTHREAD_MUTEX_INITIALIZER;
static char answer[1 << 16];

static void say(const char *head, const char *format, va_list ap)
{
	pthread_mutex_lock(&out);
	fputs(head, stdout);
	vprintf(format, ap);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&out);
}

void ok(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(answer, sizeof answer, format, ap);
	va_end(ap);
}

/* A line that answers no command: of a thread. */
void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("note ", format, ap);
	va_end(ap);
}

static void reply(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say("", format, ap);
	va_end(ap);
}

const char *errno_name(int e)
{
	const char *name = strerrorname_np(e);

	return name ? name : "UNKNOWN";
}

long number(const char *word)
{
	char *end;
	long v = strtol(word, &end, 0);

	if (end == word || *end) {
		fprintf(stderr, "sctpsh: %s is no number\n", word);
		exit(2);
	}
	return v;
}

static const struct verb *find(const char *name)
{
	static const struct verb *const tables[] = {
		socket_verbs, address_verbs, data_verbs, option_verbs, traffic_verbs,
	};

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const struct verb *v = tables[i]; v->name; v++)
			if (!strcmp(v->name, name))
				return v;
	return NULL;
}

static void run(struct words *w)
{
	const struct verb *v = find(w->argv[0]);

	if (!v || w->argc - 1 < v->least) {
		reply("err USAGE %s %s", w->argv[0], v ? v->usage : "is no command");
		return;
	}
	answer[0] = 0;
	if (v->run(w) < 0)
		reply("err %s %s", errno_name(errno), answer);
	else
		reply("ok %s", answer);
}

int main(void)
{
	static char line[1 << 16];

	signal(SIGPIPE, SIG_IGN);
	while (fgets(line, sizeof line, stdin)) {
		struct words w = {0};
		char *rest = line, *word;

		while (w.argc < MAX_WORDS && (word = strsep(&rest, " \t\n")) != NULL)
			if (*word)
				w.argv[w.argc++] = word;
		if (w.argc > 0)
			run(&w);
	}
	return 0;
}
