//go:build !noasm

#include "go_asm.h"
#include "textflag.h"

// AX is the association; a cache line has 64 bytes.
#define FETCH(offset) PREFETCHT0 (offset)(AX)
#define PATHS (assoc_room+room_paths)

// COMMON is what every packet needs: the first fields, and of the first path what
// is looked at of each and what makes a packet.
#define COMMON \
	FETCH(0);     \
	FETCH(64);    \
	FETCH(PATHS); \
	FETCH(PATHS+64)

// func prefetchTag(t *tagEntry)
TEXT ·prefetchTag(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), AX
	FETCH(0)
	RET

// func prefetchSlot(s **assoc)
TEXT ·prefetchSlot(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), AX
	FETCH(0)
	RET

// func prefetchInbound(a *assoc)
TEXT ·prefetchInbound(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	COMMON
	FETCH(assoc_in)
	FETCH(assoc_in+64)
	FETCH(assoc_in+128)
	FETCH(assoc_in+192)
	FETCH(assoc_room+room_ready)
	FETCH(assoc_room+room_streams)
	RET

// func prefetchOutbound(a *assoc)
TEXT ·prefetchOutbound(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	COMMON
	FETCH(PATHS+128)
	FETCH(PATHS+path__size)
	FETCH(assoc_out)
	FETCH(assoc_out+64)
	FETCH(assoc_out+128)
	FETCH(assoc_out+192)
	FETCH(assoc_room+room_marks)
	FETCH(assoc_room+room_marks+64)
	FETCH(assoc_room+room_messages)
	FETCH(assoc_room+room_messages+64)
	FETCH(assoc_room+room_nextSSN)
	RET

// func prefetchTimers(a *assoc)
TEXT ·prefetchTimers(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	COMMON
	FETCH(PATHS+128)
	FETCH(PATHS+192)
	FETCH(PATHS+path__size)
	FETCH(PATHS+path__size+64)
	FETCH(PATHS+path__size+128)
	FETCH(PATHS+path__size+192)
	FETCH(assoc_t1)
	RET
