/*
 * What the files of libtrunkline.so share.
 *
 *   program → hooks_*.c ┬ fd.c: whose descriptor is it? not ours: real.c
 *                       ├ send.c, recv.c, cmsg.c, accept.c: frames, on the descriptor itself
 *                       ├ lane_write.c, lane_read.c: frames, in memory shared with the server
 *                       └ control.c: a request to the server and its reply
 *
 * Every function may be called from any thread. Those that say "errno" return
 * -1 and set it, those that say "an errno" return it. Nothing here allocates.
 */
#ifndef TRUNKLINE_H
#define TRUNKLINE_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "protocol.h"

#define TL_EXPORT __attribute__((visibility("default")))

/* How long an association seen on a one-to-many socket is taken to be there
 * without asking the server, in nanoseconds. */
#define TL_PEER_LIFE 100000000

enum {
	TL_PEERS = 8,           /* associations remembered per socket; a power of two */
	TL_JOIN_WAIT = 100,     /* ms for the continuation of a message that is on its way */
	TL_CONTROL_WAIT = 10,   /* s for a reply: a server that takes longer is gone */
	TL_ROOM = 425984,       /* SO_SNDBUF of a descriptor whose own is not known, doubled as the kernel does */
	TL_UNKNOWN = -1,        /* length of a frame that nobody announced */
};

/* An association of a one-to-many socket. */
struct tl_peer {
	int32_t assoc_id; /* 0: none */
	uint16_t outstreams;
	uint16_t addr_length;
	uint8_t addr[TL_ADDR_SIZE];
	uint64_t until; /* CLOCK_MONOTONIC, ns */
};

/* Whether the server has gone, and whether the program knows. */
enum tl_gone { TL_THERE, TL_GONE, TL_GONE_TOLD };

/*
 * A socket of the server's, whatever number of descriptors it has here. version
 * changes with each frame taken and with each new life of the entry: what was
 * learnt without the lock holds if version is still the same under it.
 */
struct tl_sock {
	_Atomic uint64_t id; /* 0: free */
	_Atomic uint32_t descriptors;
	_Atomic uint32_t owner; /* thread that holds the lock, 0: none */
	_Atomic uint32_t version;

	/* As of the last reply. */
	_Atomic bool known;
	_Atomic uint16_t domain, type, state, outstreams;
	_Atomic uint32_t limit, linger;

	_Atomic int gone;     /* enum tl_gone */
	_Atomic bool ended;   /* the end was reported as clean */
	_Atomic int pad_room; /* SO_SNDBUF before it was shrunk to connect or listen; 0: is not */

	/* Under the lock: reception. */
	uint32_t taken;         /* of the front frame's payload; then SO_PEEK_OFF stands behind it */
	_Atomic bool partial;   /* front and taken count */
	_Atomic int64_t expect; /* payload of the next frame, or TL_UNKNOWN */
	struct tl_frame front;

	/* Under the lock: associations, one-to-many only. */
	struct tl_peer peers[TL_PEERS];

	/* The lane (lane.h). */
	_Atomic(struct tl_lane *) lane;
	_Atomic(struct tl_lane *) lane_left; /* that of the entry's last life, while somebody uses it */
	_Atomic uint32_t lane_size;          /* bytes of each of its rings */
	_Atomic uint32_t lane_users;
	_Atomic uint32_t writing;  /* threads that write to the descriptor and do not count it */
	_Atomic uint32_t messages; /* over the descriptor, since it was thought about last */
	_Atomic uint32_t patience; /* messages until it is thought about */

	uint32_t next_free;
};

/* fd.c */

/* The socket behind fd, or NULL if the descriptor is none of ours. */
struct tl_sock *tl_find(int fd);
/* Files fd as a new socket, or as a further descriptor of one. False: no memory. */
bool tl_track(int fd, const struct tl_socket *status);
/* Files to as what from is, be it nothing of ours, after dup and the like. */
void tl_share(int from, int to);
/* Forgets fd, before it is closed or replaced. */
void tl_drop(int fd);
void tl_drop_range(unsigned first, unsigned last);
/* Looks at a descriptor that came from elsewhere. */
void tl_identify(int fd);
/* True in a child that shares our memory (vfork): it may change nothing. */
bool tl_foreign(void);
bool tl_lock(struct tl_sock *s);
void tl_unlock(struct tl_sock *s, bool locked);
void tl_update(struct tl_sock *s, const struct tl_socket *status);
void tl_init_descriptors(void);
/* Around fork: the parent's thread holds the table's lock, the child's is fresh. */
void tl_fork_prepare(void);
void tl_fork_parent(void);
void tl_fork_child(void);

/* control.c */

struct tl_call {
	struct tl_request request; /* op, flags and arguments; the rest is filled in */
	struct iovec in[3];        /* what follows the request */
	void *out;                 /* where to put what follows the reply */
	size_t room;
	struct tl_reply reply;
	int received; /* the descriptor that came, or -1 */
};

/* Asks the server about the socket behind fd; s and fd are NULL and -1 where
 * there is none. Returns 0 or an errno; the descriptor received, if any, is the
 * caller's and close-on-exec. */
int tl_ask(struct tl_sock *s, int fd, struct tl_call *call);
/* tl_ask of a request that has but arguments. */
int tl_ask_plain(struct tl_sock *s, int fd, uint16_t op, uint32_t level);
/* Makes sure that s->domain, type and state are known. Returns 0 or an errno. */
int tl_learn(struct tl_sock *s, int fd);
/* The socket's pending error, which is cleared; ECONNRESET once if the server is gone. */
int tl_take_error(struct tl_sock *s, int fd);
/* Waits on the descriptor of a call for its final reply, for as long as
 * timeout says (a struct timeval as in SO_SNDTIMEO; NULL: for ever), and closes
 * it. Returns that reply's error, EINTR or EAGAIN. */
int tl_await(struct tl_sock *s, struct tl_call *call, const struct timeval *timeout);
/* Whether a server is named in the environment. */
bool tl_configured(void);
/* The descriptor of the control connection, which programs do not see; or -1. */
int tl_control(void);
/* Closes it; the next request makes another. */
void tl_drop_control(void);
void tl_init_control(const char *path);
void tl_control_prepare(void);
void tl_control_parent(void);
void tl_control_child(void);
/* In a child: the connection is the parent's, its own is made when it is needed. */
void tl_control_adopt(void);

/* lane.c */

/* TRUNKLINE_RING: messages on a socket before it asks for a lane; NULL: the usual number. */
void tl_init_lanes(const char *setting);
/* Gives up the lane of a socket without descriptors. */
void tl_lane_drop(struct tl_sock *s);

/* connect.c */

/* connect(), or sctp_connectx with many; errno. assoc_id may be NULL. */
int tl_connect(struct tl_sock *s, int fd, const void *addrs, size_t length, bool many, int32_t *assoc_id);
/* listen(); errno. */
int tl_listen(struct tl_sock *s, int fd, int backlog);
/* Notices that a connect in progress has been decided. Returns 0, or the errno
 * that it failed with. */
int tl_settle(struct tl_sock *s, int fd, bool take_error);

/* send.c, recv.c, accept.c: as the system calls of these names; errno. */

ssize_t tl_send(struct tl_sock *s, int fd, const struct msghdr *m, int flags);
ssize_t tl_send_bytes(struct tl_sock *s, int fd, const void *bytes, size_t n, int flags);
ssize_t tl_recv(struct tl_sock *s, int fd, struct msghdr *m, int flags);
ssize_t tl_recv_bytes(struct tl_sock *s, int fd, void *bytes, size_t n, int flags);
int tl_pending(struct tl_sock *s, int fd, int *bytes);
int tl_accept(struct tl_sock *s, int fd, struct sockaddr *addr, socklen_t *length, int flags);

/* option.c: errno. */

int tl_getsockopt(struct tl_sock *s, int fd, int level, int name, void *value, socklen_t *length);
int tl_setsockopt(struct tl_sock *s, int fd, int level, int name, const void *value, socklen_t length);
int tl_address(struct tl_sock *s, int fd, uint16_t op, struct sockaddr *addr, socklen_t *length);

/* cmsg.c */

/* What a message's ancillary data asks for beyond a frame header. */
struct tl_extra {
	const void *init; /* a sctp_initmsg, or NULL */
	uint8_t addrs[512]; /* packed sockaddrs of SCTP_DSTADDRV4 and V6 */
	size_t addrs_length;
};

/* Fills frame and extra from m's name and ancillary data. Returns 0 or an errno. */
int tl_parse(const struct msghdr *m, int flags, struct tl_frame *frame, struct tl_extra *extra);
/* Writes m's name, ancillary data and flags from a received frame's header. */
void tl_describe(struct msghdr *m, const struct tl_frame *frame, uint16_t state, bool whole);
/* Copies an address out as the system calls do: cut to *length, which becomes n. */
void tl_put_address(struct sockaddr *to, socklen_t *length, const void *addr, socklen_t n);

/* system.c: system calls that are no cancellation points and no hooks. */

ssize_t sys_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t sys_recvmsg(int fd, struct msghdr *m, int flags);
int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t length);
int sys_fcntl(int fd, int command, long argument);
int sys_close(int fd);
/* Keeps every signal from this thread, those of the C library too. */
void sys_block_signals(sigset_t *old);
void sys_restore_signals(const sigset_t *old);
/* Polls one descriptor; ms < 0: for ever. Returns revents. */
int sys_poll(int fd, short events, int ms);
/* The first n entries of iov from its byte skip on, at most max bytes; returns
 * how many entries of to were filled. to has room for n. */
size_t tl_slice(struct iovec *to, const struct iovec *iov, size_t n, size_t skip, size_t max);
/* Bytes in an iovec, or -1 if they exceed SSIZE_MAX. */
ssize_t tl_total(const struct iovec *iov, size_t n);

static inline int tl_fail(int error)
{
	errno = error;
	return -1;
}

#endif
