/*
 * The protocol between the preload library and the server in the dataplane.
 * Package sockets/proto is its Go side; a test holds both to the same numbers.
 * Layout is natural and little-endian, as amd64 and arm64 have it.
 *
 * Two kinds of unix SOCK_SEQPACKET connections carry it:
 *
 *   the control connection, one per process: a tl_request in, one tl_reply out;
 *   a data connection per SCTP socket, which is the program's descriptor: each
 *   message is a tl_frame and its payload, in either direction.
 */
#ifndef TRUNKLINE_PROTOCOL_H
#define TRUNKLINE_PROTOCOL_H

#include <stdint.h>

#define TL_VERSION 1

/* The program's end of a data connection is bound to the abstract name
 * "\0" TL_NAME_PREFIX and the socket's id in 16 lower-case hex digits. */
#define TL_NAME_PREFIX "trunkline/"

enum {
	TL_PAYLOAD_MAX = 65536, /* bytes of payload in a frame; longer messages take several */
	TL_CONTROL_MAX = 65536, /* bytes behind a request or a reply */
	TL_OPTION_IN = 512,     /* bytes of the program's buffer that a GETOPT shows the server */
	TL_ADDR_SIZE = 28,      /* a sockaddr_in6, the longest address */
	TL_PADS = 16,           /* pads that a library writes at most */
};

/* What a frame is: its first byte. */
enum {
	TL_SEND = 1,         /* to the server: a message, or a part of one */
	TL_PAD = 2,          /* to the server: this one byte, without meaning */
	TL_DATA = 3,         /* to the program: a message, or a part of one */
	TL_NOTIFICATION = 4, /* to the program: payload is RFC 6458, section 6 */
	TL_ACCEPT = 5,       /* to the program: payload is a tl_socket, with a descriptor */
	TL_END = 6,          /* to the program: nothing comes any more; stays in the queue */
	TL_BELL = 7,         /* to the program: this one byte; the lane has something */
};

/* tl_frame.flags */
enum {
	TL_F_MORE = 1 << 0,    /* the message goes on in the next frame, which is on its way */
	TL_F_EOR = 1 << 1,     /* the message ends here (SEND: the program said MSG_EOR) */
	TL_F_NEXT = 1 << 2,    /* DATA: the next_ fields are true */
	TL_F_SNDRCV = 1 << 3,  /* SEND: an SCTP_SNDRCV was given. DATA: the program wants one */
	TL_F_RCVINFO = 1 << 4, /* DATA: the program wants SCTP_RCVINFO */
	TL_F_NXTINFO = 1 << 5, /* DATA: the program wants SCTP_NXTINFO */
	TL_F_SNDINFO = 1 << 6, /* SEND: an SCTP_SNDINFO was given */
	TL_F_PRINFO = 1 << 7,  /* SEND: an SCTP_PRINFO was given */
	TL_F_AUTHINFO = 1 << 8, /* SEND: an SCTP_AUTHINFO was given */
	TL_F_NAMED = 1 << 9,   /* SEND: addr is what the program named; else the assoc_id counts */
	TL_F_CHECKED = 1 << 10, /* SEND: a TL_CHECK of this message was answered with 0 */
	TL_F_COUNTED = 1 << 11, /* SEND: counted in up_sent of the lane */
};

/* The header of a frame. Fields that a kind does not use are 0. */
struct tl_frame {
	uint8_t kind;
	uint8_t reserved;
	uint16_t flags;        /* TL_F_ */
	uint32_t length;       /* bytes behind this header */
	uint64_t nonce;        /* SEND: the same in all frames of one message, no other's */
	int32_t assoc_id;
	uint16_t stream;
	uint16_t ssn;          /* DATA */
	uint16_t sinfo_flags;  /* SCTP_UNORDERED, SCTP_EOF …, as in sinfo_flags */
	uint16_t outstreams;   /* DATA: of this association, 0 if it takes no messages */
	uint32_t ppid;         /* as the program has it: untouched */
	uint32_t context;
	uint32_t timetolive;   /* SEND: sinfo_timetolive or pr_value */
	uint32_t tsn;          /* DATA */
	uint32_t cumtsn;       /* DATA */
	uint16_t keynumber;    /* SEND: auth_keynumber */
	uint16_t next_stream;  /* DATA, with TL_F_NEXT: the next message in this queue */
	uint16_t next_flags;
	uint16_t addr_length;  /* 0, 16 (sockaddr_in) or 28 (sockaddr_in6) */
	uint32_t next_ppid;
	uint32_t next_length;  /* of the whole message */
	int32_t next_assoc_id;
	uint8_t addr[TL_ADDR_SIZE]; /* SEND: destination. DATA, NOTIFICATION, ACCEPT: the peer */
};

/* Requests: tl_request.op */
enum {
	TL_HELLO = 1,
	TL_CREATE = 2,
	TL_INFO = 3,
	TL_BIND = 4,
	TL_CONNECT = 5,
	TL_LISTEN = 6,
	TL_SHUTDOWN = 7,
	TL_SOCKNAME = 8,
	TL_PEERNAME = 9,
	TL_GETOPT = 10,
	TL_SETOPT = 11,
	TL_PEELOFF = 12,
	TL_CHECK = 13,
	TL_ERROR = 14,
	TL_LINGER = 15,
	TL_MAP = 16, /* level 0: the lane's descriptor comes, value is bytes of a ring; 1: it may be written to */
};

/* tl_request.flags */
enum {
	TL_Q_WAIT = 1 << 0,  /* CONNECT, CHECK: the program waits: give it a waiter if the association takes time */
	TL_Q_PROOF = 1 << 1, /* the socket's descriptor comes along */
	TL_Q_MANY = 1 << 2,  /* CONNECT: sctp_connectx, several addresses */
	TL_Q_INIT = 1 << 3,  /* CHECK: a sctp_initmsg follows the frame header */
};

struct tl_request {
	uint16_t op;
	uint16_t flags;  /* TL_Q_ */
	uint32_t seq;    /* the reply has the same */
	uint64_t id;     /* the socket; 0 for HELLO and CREATE */
	uint32_t level;  /* first argument */
	uint32_t name;   /* second argument */
	uint32_t size;   /* third argument */
	uint32_t length; /* bytes behind this header */
};

/* tl_reply.flags */
enum {
	TL_R_PROOF = 1 << 0,  /* not done: ask again with TL_Q_PROOF and the descriptor */
	TL_R_WAITER = 1 << 1, /* a descriptor comes along, on which the final tl_reply will */
};

/* tl_socket.state */
enum {
	TL_S_LISTENING = 1 << 0,
	TL_S_CONNECTING = 1 << 1, /* one-to-one: frames are not read until it is decided */
	TL_S_CONNECTED = 1 << 2,  /* one-to-one: messages need no TL_CHECK */
	TL_S_ENDED = 1 << 3,      /* one-to-one: the association is over */
	TL_S_SNDRCV = 1 << 4,     /* the program wants SCTP_SNDRCV on reception */
	TL_S_RCVINFO = 1 << 5,
	TL_S_NXTINFO = 1 << 6,
	TL_S_ASSOCIATED = 1 << 7, /* one-to-many: there are associations */
	TL_S_REFUSING = 1 << 8,   /* one-to-one: the association lives, and takes no messages any more */
};

/* What the library needs to know of a socket. */
struct tl_socket {
	uint64_t id;
	uint16_t domain;     /* AF_INET, AF_INET6 */
	uint16_t type;       /* SOCK_STREAM, SOCK_SEQPACKET */
	uint16_t state;      /* TL_S_ */
	uint16_t outstreams; /* of the association that the request was about */
	int32_t assoc_id;    /* that association; 0: none */
	uint32_t limit;      /* bytes of the longest message that needs no TL_CHECK */
	uint32_t linger;     /* seconds that close() waits; 0: does not */
	uint32_t reserved;
};

struct tl_reply {
	uint16_t op;
	uint16_t flags;  /* TL_R_ */
	uint32_t seq;
	int32_t error;   /* 0 or an errno */
	int32_t value;   /* the request's result */
	uint32_t length; /* bytes behind this header */
	uint32_t reserved;
	struct tl_socket socket; /* as it is after the request; all 0 if there is none */
};

enum {
	TL_LANE_HEADER = 4096, /* bytes of tl_lane and what may follow it; then the ring up, then the ring down */
	TL_LANE_UNIT = 64,     /* a record is a tl_frame and its payload, from a multiple of this on */
	TL_LANE_USUAL = 64,    /* messages on a socket before its library asks for a lane */
};

/*
 * Memory that the server shares with the programs that have a socket. TL_PAD in
 * the place of a frame says that the ring begins again. Each group of words is
 * written by one side, and has cache lines of its own.
 */
struct tl_lane {
	_Alignas(128) _Atomic uint64_t up_tail; /* the program's: bytes written since the beginning */
	_Atomic uint64_t up_seen;               /* the program's: up_head as it was seen last */
	_Atomic uint32_t up_lock;               /* the program's: 1: somebody writes */
	_Atomic uint32_t up_sent;               /* the program's: frames with TL_F_COUNTED */

	_Alignas(128) _Atomic uint64_t up_head; /* the server's: bytes taken since the beginning */
	_Atomic uint32_t up_taken;              /* the server's: frames with TL_F_COUNTED that it has dealt with */
	_Atomic uint32_t up_open;               /* the server's: 1: all that was written before was read */
	_Atomic uint32_t up_shut;               /* the server's: 1: no more is read */

	_Alignas(128) _Atomic uint32_t up_sleeping; /* 1: the server waits for a TL_PAD */
	_Atomic uint32_t up_full;                   /* 1: the program waits for room */

	_Alignas(128) _Atomic uint64_t down_tail; /* the server's: bytes written since the beginning */

	_Alignas(128) _Atomic uint64_t down_head; /* the program's: units taken << 17 | payload taken of the first record */
	_Atomic uint32_t down_open;               /* the program's: 1: all that was written before was read */
	_Atomic uint32_t down_waiters;            /* the program's: threads that wait */

	_Alignas(128) _Atomic uint32_t bell; /* 1: a TL_BELL is in the program's queue, or will be */
	_Atomic uint32_t down_full;          /* 1: the server waits for room, and a TL_PAD */
};

#endif
