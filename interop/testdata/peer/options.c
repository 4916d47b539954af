/* The command line. */
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static const char *const behaviours[] = {"echo", "verify", "source", "sink", "duplex", "hold"};

struct options opt = {
	.bytes = 1 << 20, .seed = 1, .streams = 8, .count = 1,
	.rto_min = 100, .rto_max = 400, .heartbeat = 300, .path_retrans = 2,
	.sack_delay = 20, .buffer = 2 << 20,
};

static int split(char *text, char **to)
{
	int n = 0;

	for (char *p = strtok(text, ","); p != NULL && n < MAX_ADDRS; p = strtok(NULL, ","))
		to[n++] = p;
	return n;
}

static void set_option(const char *name, char *value)
{
	unsigned long long number = strtoull(value, NULL, 0);
	const struct { const char *name; uint32_t *to; } numbers[] = {
		{"--streams", &opt.streams}, {"--count", &opt.count}, {"--rto-min", &opt.rto_min},
		{"--rto-max", &opt.rto_max}, {"--heartbeat", &opt.heartbeat}, {"--path-retrans", &opt.path_retrans},
		{"--sack-delay", &opt.sack_delay}, {"--buffer", &opt.buffer}, {"--raw-buffer", &opt.raw_buffer},
		{"--hmac", &opt.hmac}, {"--unordered", &opt.unordered},
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(name, numbers[i].name) == 0) {
			*numbers[i].to = (uint32_t)number;
			return;
		}
	if (strcmp(name, "--local") == 0)
		opt.locals = split(value, opt.local);
	else if (strcmp(name, "--remote") == 0)
		opt.remotes = split(value, opt.remote);
	else if (strcmp(name, "--key") == 0)
		opt.key = value;
	else if (strcmp(name, "--port") == 0)
		opt.port = (uint16_t)number;
	else if (strcmp(name, "--lport") == 0)
		opt.lport = (uint16_t)number;
	else if (strcmp(name, "--bytes") == 0)
		opt.bytes = number;
	else if (strcmp(name, "--pause") == 0)
		opt.pause = number;
	else if (strcmp(name, "--seed") == 0)
		opt.seed = number;
	else if (strcmp(name, "--mode") == 0) {
		for (opt.mode = ECHO; opt.mode <= HOLD; opt.mode++)
			if (strcmp(value, behaviours[opt.mode]) == 0)
				return;
		fail("unknown mode %s", value);
	} else
		fail("unknown option %s", name);
}

void parse(int argc, char **argv)
{
	if (argc < 2 || argc % 2 != 0)
		fail("usage: peer server|client --local A,B [--remote A,B] --port N --mode M ...");
	opt.server = strcmp(argv[1], "server") == 0;
	for (int i = 2; i < argc; i += 2)
		set_option(argv[i], argv[i + 1]);
	if (opt.streams < 2 || opt.streams > MAX_STREAMS || opt.locals == 0 || (!opt.server && opt.remotes == 0))
		fail("needs addresses and 2 to %d streams", MAX_STREAMS);
	for (int i = 0; i < opt.locals; i++)
		opt.v6 |= strchr(opt.local[i], ':') != NULL;
}
