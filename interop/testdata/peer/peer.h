/*
 * usrsctp_peer: an SCTP peer on usrsctp's raw sockets, driven by the interop
 * tests. It binds several addresses, connects or accepts, and then behaves as
 * told:
 *
 *   echo    send every message back, same stream and PPID
 *   verify  send a planned sequence of messages and check their echo
 *   source  send the planned sequence
 *   sink    receive and check the planned sequence
 *   hold    keep the association, count what comes
 *
 * The plan is a function of --seed, --bytes and --streams alone, so both ends
 * know every message beforehand; see pattern_test.go for the same functions in Go.
 *
 * Standard output carries one line per happening, KEY followed by name=value
 * pairs, and ends with "RESULT OK …" or "RESULT FAIL reason=…". Standard input
 * takes commands, one per line: shutdown, abort, paths, primary ADDRESS, and go,
 * for which the sender of a plan waits once it has sent --pause bytes.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <usrsctp.h>

enum { MAX_ADDRS = 8, MAX_STREAMS = 64, MAX_MESSAGE = 204800, PPID = 4242 };

enum behaviour { ECHO, VERIFY, SOURCE, SINK, HOLD };

/* options.c: what the command line says */
struct options {
	bool server, v6;
	enum behaviour mode;
	char *local[MAX_ADDRS], *remote[MAX_ADDRS];
	int locals, remotes;
	uint16_t port, lport;
	uint64_t bytes, seed, pause;
	unsigned streams, count;
	uint32_t rto_min, rto_max, heartbeat, path_retrans, sack_delay, buffer;
};
extern struct options opt;
void parse(int argc, char **argv);

/* report.c: what is told; say prints one whole line, from any thread, and fail
 * ends the process with a reason */
void start_clock(void);
uint64_t now_ns(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void stack_debug(const char *format, ...);
void tell_event(const union sctp_notification *n);
void tell_stack(void);
void tell_paths(struct socket *so);

/* address.c: socket addresses; pack lays them one after the other, as the
 * x-calls want them */
socklen_t make_address(struct sockaddr_storage *to, const char *text, uint16_t port);
void pack(uint8_t *room, char **texts, int n, uint16_t port);
const char *address_text(const struct sockaddr_storage *a, char *room, size_t n);

/* plan.c: the planned messages; wrong_at is the first 8-byte word at which p
 * differs from the plan, or -1 */
uint64_t message_key(unsigned stream, uint64_t index);
size_t message_size(unsigned stream, uint64_t index);
void fill(uint8_t *p, size_t n, uint64_t key);
long wrong_at(const uint8_t *p, size_t n, uint64_t key);
uint64_t planned_messages(void);

/* session.c: one association, from its beginning to its end */
void run_session(struct socket *so);
struct socket *current_session(void);
void go_on(void);

#endif
