/* sctpsh: a program that does with SCTP sockets what its standard input says,
 * a command and a reply a line. The tests drive it; it knows nothing of who
 * provides the sockets. */
#ifndef SCTPSH_H
#define SCTPSH_H

#include <netinet/in.h>
#include <netinet/sctp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MAX_WORDS 64
#define MAX_ADDRS 16
#define MAX_MESSAGE (1 << 20)

/* A command's words: argv[0] is its name. */
struct words {
	int argc;
	char *argv[MAX_WORDS];
};

/* What a command does: 0 with its answer said by ok(), or -1 with errno set. */
typedef int command(struct words *w);

struct verb {
	const char *name;
	int least; /* words after the name, at least */
	command *run;
	const char *usage;
};

/* Tables of commands, each ends with a NULL name. */
extern const struct verb socket_verbs[], address_verbs[], data_verbs[], option_verbs[], traffic_verbs[];

/* main.c */
void ok(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *errno_name(int e);
long number(const char *word);

/* address.c */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

int parse_address(const char *ip, long port, union address *out);
socklen_t length_of(const union address *a);
/* "1.2.3.4:5" or "[::1]:5", in a buffer that the next call but three reuses. */
const char *text_of(const struct sockaddr *a);
/* "a:p b:p …" of a packed list, sorted. */
const char *text_of_list(const struct sockaddr *packed, int n);
/* Packs argv[from …] with the port; -1 if one is no address. */
int pack(struct words *w, int from, long port, uint8_t *room);

/* notification.c */
const char *text_of_notification(const void *data, size_t n);

#endif
