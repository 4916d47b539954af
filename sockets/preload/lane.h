/*
 * The lane: memory shared with the server in front of a busy socket's descriptor.
 *
 *   send.c → lane_write.c → ring up   → server     a TL_PAD wakes the server
 *   recv.c ← lane_read.c  ← ring down ← server     a TL_BELL shows in poll
 *
 * Who must wait waits on the descriptor. No lock is waited for: who reads takes a
 * record by moving the head, and starts over if another was quicker; who finds
 * another writing writes to the descriptor. So nobody is held up by a process
 * that was killed, or a signal handler by what it interrupted.
 */
#ifndef TRUNKLINE_LANE_H
#define TRUNKLINE_LANE_H

#include "trunkline.h"

/* Results beside 0 and errnos, or numbers of bytes. */
enum {
	TL_BESIDE = -1,    /* the message goes over the descriptor */
	TL_LANE_EMPTY = -4,
};

/* lane.c */

/* The socket's lane, or NULL if there is none; to be given back with tl_lane_leave,
 * whatever it is, and not used after that. */
struct tl_lane *tl_lane_enter(struct tl_sock *s);
void tl_lane_leave(struct tl_sock *s);
/* Counts a message that went over the descriptor, and asks for a lane, or to
 * write to it, when there were many. */
void tl_lane_count(struct tl_sock *s, int fd, bool sent);
/* Gets the lane that the server has for the socket, or makes it do so. Returns 0 or an errno. */
int tl_lane_map(struct tl_sock *s, int fd);
/* Has the server look at the lane, whether the descriptor takes a pad or not. */
void tl_lane_wake(struct tl_sock *s, int fd);
/* Writes a pad to the descriptor. Returns 0 or an errno. */
int tl_lane_pad(int fd, int flags);

/* lane_write.c */

/* Writes a message of one frame, whose payload is iov. Returns 0, an errno, or TL_BESIDE. */
int tl_lane_write(struct tl_sock *s, int fd, const struct tl_frame *f, const struct iovec *iov, size_t pieces, int flags);
/* Makes the descriptor take whole frames again, after its buffer was shrunk to have
 * poll show that the lane is full. */
void tl_lane_widen(int fd);

/* lane_read.c */

/* What is read, and where to. */
struct tl_lane_read {
	const struct iovec *iov;
	size_t pieces;
	size_t skip; /* bytes of iov that are filled already */
	size_t room; /* bytes in iov */
	bool peek;
	struct tl_frame *frame; /* out */
	bool whole;             /* out: the frame's payload ends with what was read */
};

/* Takes the first record, or as much of it as there is room for. Returns how many
 * bytes, -1 and errno, or TL_LANE_EMPTY. */
ssize_t tl_lane_take(struct tl_sock *s, int fd, struct tl_lane *l, struct tl_lane_read *r);
/* Waits for something as flags say. Returns the length of what is in the descriptor's
 * queue (a TL_BELL, a TL_END or 0), or -1 and errno. */
ssize_t tl_lane_wait(struct tl_lane *l, int fd, int flags);
bool tl_lane_is_empty(struct tl_lane *l);
/* The frame of the first record, whose length is what is unread of it. False if there is none. */
bool tl_lane_next(struct tl_lane *l, uint32_t size, struct tl_frame *f);
/* Waits, when a bell is there and no message, for the message that the bell came before, or for
 * the bell to be taken off by who took the message. False if neither comes. */
bool tl_lane_expect(struct tl_lane *l);
/* Takes the bell off the descriptor's queue, for the lane is empty. */
void tl_lane_hush(struct tl_sock *s, int fd, struct tl_lane *l);
/* The bell was taken off. */
void tl_lane_hushed(struct tl_sock *s, int fd, struct tl_lane *l);

#endif
