/*
 * peer: an SCTP peer driven by the interop tests, on usrsctp's raw sockets or on
 * the Linux kernel's SCTP: it is written for usrsctp's API, of which linux/ makes
 * what it uses. It binds several addresses, connects or accepts, and then behaves as
 * told:
 *
 *   echo    send every message back, same stream and PPID
 *   verify  send a planned sequence of messages and check their echo
 *   source  send the planned sequence
 *   sink    receive and check the planned sequence
 *   duplex  send messages without end and check those that come
 *   hold    keep the association, count what comes
 *
 * The plan is a function of --seed, --bytes, --streams and --unordered (1: a quarter
 * of the messages is) alone, so both ends know every message beforehand; see pattern_test.go for the same functions in
 * Go. With --count there are several associations at once, each with a thread of
 * its own; in duplex mode each direction of each has a seed of its own.
 *
 * Standard output carries one line per happening, KEY followed by name=value
 * pairs, and ends with "RESULT OK …" or "RESULT FAIL reason=…". Standard input
 * takes commands, one per line, for all associations or, after @PORT, for the one
 * with that port of the caller's: shutdown, abort, paths, primary ADDRESS, add,
 * remove and prefer ADDRESS of its own, halt and resume (of reading), send SIZE STREAM PPID FLAGS, stop (of duplex), and go,
 * for which the sender of a plan waits once it has sent --pause bytes.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

#include "stack.h"

/* MAX_MESSAGE is the longest of a plan; ROOM is for the longest of any test. */
enum { MAX_ADDRS = 8, MAX_STREAMS = 65535, MAX_MESSAGE = 204800, ROOM = 1 << 20, PPID = 4242, UNORDERED_PPID = 1 << 30 };

/* Association.Max.Retrans: so many that a busy machine ends no association. */
enum { ASSOC_RETRANS = 200 };

/* How far the unordered messages of a stream may overtake each other. */
enum { OVERTAKING = 4096 };

enum behaviour { ECHO, VERIFY, SOURCE, SINK, DUPLEX, HOLD };

/* options.c: what the command line says */
struct options {
	bool server, v6;
	enum behaviour mode;
	char *local[MAX_ADDRS], *remote[MAX_ADDRS], *key;
	int locals, remotes;
	uint16_t port, lport;
	uint64_t bytes, seed, pause;
	unsigned streams, count, unordered;
	uint32_t rto_min, rto_max, heartbeat, path_retrans, sack_delay, buffer, raw_buffer, hmac;
};
extern struct options opt;
void parse(int argc, char **argv);

/* report.c: what is told; say prints one whole line, from any thread, and fail
 * ends the process with a reason */
void start_clock(void);
uint64_t now_ns(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void tell_event(const union sctp_notification *n);
void tell_paths(struct socket *so);

/* address.c: socket addresses; pack lays them one after the other, as the
 * x-calls want them */
socklen_t make_address(struct sockaddr_storage *to, const char *text, uint16_t port);
void pack(uint8_t *room, char **texts, int n, uint16_t port);
const char *address_text(const struct sockaddr_storage *a, char *room, size_t n);

/* plan.c: the planned messages; wrong_at is the first 8-byte word at which p
 * differs from the plan, or -1 */
uint64_t message_key(uint64_t seed, unsigned stream, uint64_t index);
size_t message_size(uint64_t seed, unsigned stream, uint64_t index);
void fill(uint8_t *p, size_t n, uint64_t key);
long wrong_at(const uint8_t *p, size_t n, uint64_t key);
bool is_unordered(uint64_t key);
uint64_t planned_messages(void);

struct session {
	struct socket *so;
	uint16_t port;
	pthread_t reader;
	uint64_t in_seed, out_seed;
	uint64_t rx_messages, rx_bytes, tx_messages, tx_bytes, told;
	uint64_t last_rx, longest_gap; /* ns, of what came */
	uint64_t expected;             /* messages that are to come, 0 for any number */
	uint64_t *next;                /* index of the next ordered message on each stream */
	uint16_t *ssn;                 /* its stream sequence number */
	uint32_t *seen;                /* of the last OVERTAKING unordered ones of each stream, index + 1 */
	uint8_t *message;
	size_t length; /* of message so far */
	sem_t go;      /* for the sender of a plan */
	sem_t resume;  /* for the reader */
	volatile bool halted, stopped;
};

/* session.c: associations, each from its beginning to its end; port is the
 * caller's, by which commands name it */
void start_session(struct socket *so, uint16_t port);
void each_session(unsigned port, void (*each)(struct session *, const char *), const char *argument);
void send_message(struct session *s, const uint8_t *p, size_t n, uint16_t stream, uint32_t ppid, uint16_t flags);
void join_sessions(void);

/* command.c: what standard input says */
void start_commands(void);

/* reconfigure.c: RFC 4895 and RFC 5061; authenticate has the socket want DATA
 * authenticated, as --hmac and --key say; the others change its own addresses */
void authenticate(struct socket *so);
void do_add(struct session *s, const char *address);
void do_remove(struct session *s, const char *address);
void do_prefer(struct session *s, const char *address);

/* stack.c of usrsctp/ or linux/: the stack with the defaults that the options
 * say, and its counters */
void start_stack(void);
void tell_stack(void);
void tell_watch(struct session *s); /* what does not change any more when the stack hangs: see hang_test.go */
void tell_authentication(void);

/* main.c */
void set_option_of(struct socket *so, int level, int name, const void *value, socklen_t n, const char *what);

#endif
