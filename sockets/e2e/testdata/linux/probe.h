/* probe: says, call by call, what the kernel answers. What a Linux with SCTP said
 * is in said.txt; the tests have it said on Trunkline and compare. Every case runs
 * in a process of its own, for each family that it is for. */
#ifndef PROBE_H
#define PROBE_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/sctp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A case; its families are bits: IPv4, IPv6, IPv4 mapped into IPv6. */
enum { V4 = 1, V6 = 2, MAPPED = 4, ALL = 7 };
struct probe {
	const char *name;
	int families;
	void (*run)(void);
};
extern const struct probe address_probes[], connect_probes[], send_probes[], receive_probes[], event_probes[], end_probes[], libsctp_probes[], option_probes[];

/* The family of this run. */
extern int family;

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* say prints a line: the step and its result. did: ok or the errno; count: the
 * number or the errno. Both give their argument back. */
void say(const char *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
long did(const char *step, long result);
long count(const char *step, long result);

/* nap sleeps, PROBE_SLEEPS times as long where the environment says so. */
void nap(int ms);

/* Addresses of the loopback (0), of this host in two networks (1, 2) and of
 * nobody (9), and the wildcard (-1). */
union address at(int host, int port);
socklen_t size_of(const union address *a);
const char *text(const void *sockaddr);
int port_of(int fd);

/* Sockets that work: of the family, bound, listening. */
int stream(void);
int seqpacket(void);
int bound(int fd, int host);
int listening(int fd);
int connected(int fd, int listener);
/* Two connected one-to-one sockets of this process. */
void couple(int pair[2]);
/* Two one-to-many sockets, associated; ids are those of the association at either. */
void couple_many(int pair[2], sctp_assoc_t ids[2]);

/* Subscribes to a kind of notification; on is 0 or 1. */
void subscribe(int fd, int type, int on);
/* Takes one message or notification and says all of it; false at the end. */
bool take(const char *step, int fd);
const char *events_of(int fd, int wanted, int ms);

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

#endif
