//go:build !noasm

#include "textflag.h"

// Registers, the same in all functions:
//
//	AX  CRC register, not inverted      BX  bytes left
//	SI  source
//	DX  which of the first 64 bytes count, a bit each
//	R9  the same for the bytes of the last, perhaps shorter, block
//	CX  zeros that fill up the last block, 0 to 63
//	R11 row of constants of the next block
//	Z4  sum of the blocks moved to the end of the message
//	Z16 the constant that moves 256 bytes on

#define MOVE_256 ·rows+240(SB) // x^2048: last lane of the row for four blocks on

// PLAN sets R9, CX, and R11 for BX bytes of which no 256 have been taken away.
// R8 is the end of the rows.
#define PLAN \
	LEAQ ·rows+512(SB), R8; \
	MOVQ BX, CX; \
	NEGQ CX; \
	MOVQ $-1, R9; \
	SHRQ CX, R9; \
	ANDQ $63, CX

// ROW points R11 at the row of the first of BX bytes' blocks.
#define ROW \
	LEAQ 63(BX), R11; \
	ANDQ $-64, R11; \
	NEGQ R11; \
	ADDQ R8, R11

// FIRST is Z4 = Z0, the first block of few, moved to the end.
#define FIRST \
	VPCLMULQDQ $0x00, (R11), Z0, Z4; \
	VPCLMULQDQ $0x11, (R11), Z0, Z5; \
	VPXORQ Z5, Z4, Z4

// NEXT adds to Z4 the block Z0, moved to the end.
#define NEXT \
	VPCLMULQDQ $0x00, (R11), Z0, Z5; \
	VPCLMULQDQ $0x11, (R11), Z0, Z6; \
	VPTERNLOGQ $0x96, Z5, Z6, Z4

// GATHER is Z4 = Z0, Z1, Z2, Z3, each moved to the end; R11 is the row of the
// block after Z3.
#define GATHER \
	VPCLMULQDQ $0x00, -256(R11), Z0, Z4; \
	VPCLMULQDQ $0x11, -256(R11), Z0, Z0; \
	VPCLMULQDQ $0x00, -192(R11), Z1, Z5; \
	VPCLMULQDQ $0x11, -192(R11), Z1, Z1; \
	VPCLMULQDQ $0x00, -128(R11), Z2, Z6; \
	VPCLMULQDQ $0x11, -128(R11), Z2, Z2; \
	VPCLMULQDQ $0x00, -64(R11), Z3, Z7; \
	VPCLMULQDQ $0x11, -64(R11), Z3, Z3; \
	VPTERNLOGQ $0x96, Z0, Z1, Z4; \
	VPTERNLOGQ $0x96, Z2, Z3, Z5; \
	VPXORQ Z6, Z7, Z6; \
	VPTERNLOGQ $0x96, Z5, Z6, Z4

// FINISH reduces Z4 to the CRC in AX: adds its four lanes, takes the CX zeros at
// the end back out, and lets the CRC instruction divide the 128 bits left.
#define FINISH \
	VEXTRACTI64X4 $1, Z4, Y5; \
	VPXOR Y5, Y4, Y4; \
	VEXTRACTI128 $1, Y4, X5; \
	VPXOR X5, X4, X4; \
	SHLQ $4, CX; \
	LEAQ ·pads(SB), R8; \
	VPCLMULQDQ $0x00, (R8)(CX*1), X4, X5; \
	VPCLMULQDQ $0x11, (R8)(CX*1), X4, X4; \
	VPXOR X5, X4, X4; \
	VMOVQ X4, R9; \
	VPEXTRQ $1, X4, R10; \
	XORL AX, AX; \
	CRC32Q R9, AX; \
	CRC32Q R10, AX; \
	NOTL AX; \
	VZEROUPPER

// func foldUpdate(crc uint32, p []byte) uint32
TEXT ·foldUpdate(SB), NOSPLIT, $0-36
	MOVL crc+0(FP), AX
	MOVQ p_base+8(FP), SI
	MOVQ p_len+16(FP), BX
	NOTL AX
	MOVQ $-1, DX
	CMPQ BX, $64
	JAE  long
	JMP  short<>(SB)
long:
	JMP  fold<>(SB)

// func foldPacket(crc uint32, p []byte) uint32
TEXT ·foldPacket(SB), NOSPLIT, $0-36
	MOVL crc+0(FP), AX
	MOVQ p_base+8(FP), SI
	MOVQ p_len+16(FP), BX
	NOTL AX
	MOVQ $~0xf00, DX
	CMPQ BX, $64
	JAE  long
	CRC32Q (SI), AX
	XORL R9, R9
	CRC32L R9, AX
	ADDQ $12, SI
	SUBQ $12, BX
	JMP  short<>(SB)
long:
	JMP  fold<>(SB)

// short is foldUpdate or foldPacket from where AX, SI and BX (below 64) stand.
TEXT short<>(SB), NOSPLIT, $0-36
	CMPQ BX, $8
	JB   tail
words:
	CRC32Q (SI), AX
	ADDQ $8, SI
	SUBQ $8, BX
	CMPQ BX, $8
	JAE  words
tail:
	TESTL $4, BX
	JZ   two
	CRC32L (SI), AX
	ADDQ $4, SI
two:
	TESTL $2, BX
	JZ   one
	CRC32W (SI), AX
	ADDQ $2, SI
one:
	TESTL $1, BX
	JZ   done
	CRC32B (SI), AX
done:
	NOTL AX
	MOVL AX, ret+32(FP)
	RET

// fold is foldUpdate or foldPacket from where AX, SI, BX (not 0) and DX stand.
TEXT fold<>(SB), NOSPLIT, $0-36
	PLAN
	VMOVD AX, X1
	CMPQ BX, $256
	JAE  many
	ROW
	CMPQ BX, $64
	JA   few
	ANDQ R9, DX
	KMOVQ DX, K1
	VMOVDQU8.Z (SI), K1, Z0
	VPXORQ Z1, Z0, Z0
	FIRST
	JMP  finish
few:
	KMOVQ DX, K1
	VMOVDQU8.Z (SI), K1, Z0
	VPXORQ Z1, Z0, Z0
	FIRST
	ADDQ $64, SI
	ADDQ $64, R11
	SUBQ $64, BX
	JMP  rest
many:
	KMOVQ DX, K1
	VMOVDQU8.Z (SI), K1, Z0
	VPXORQ Z1, Z0, Z0
	VMOVDQU64 64(SI), Z1
	VMOVDQU64 128(SI), Z2
	VMOVDQU64 192(SI), Z3
	VBROADCASTI32X4 MOVE_256, Z16
	ADDQ $256, SI
	SUBQ $256, BX
	CMPQ BX, $256
	JB   gather
loop:
	VPCLMULQDQ $0x00, Z16, Z0, Z4
	VPCLMULQDQ $0x11, Z16, Z0, Z0
	VPCLMULQDQ $0x00, Z16, Z1, Z5
	VPCLMULQDQ $0x11, Z16, Z1, Z1
	VPCLMULQDQ $0x00, Z16, Z2, Z6
	VPCLMULQDQ $0x11, Z16, Z2, Z2
	VPCLMULQDQ $0x00, Z16, Z3, Z7
	VPCLMULQDQ $0x11, Z16, Z3, Z3
	VPTERNLOGQ $0x96, (SI), Z4, Z0
	VPTERNLOGQ $0x96, 64(SI), Z5, Z1
	VPTERNLOGQ $0x96, 128(SI), Z6, Z2
	VPTERNLOGQ $0x96, 192(SI), Z7, Z3
	ADDQ $256, SI
	SUBQ $256, BX
	CMPQ BX, $256
	JAE  loop
gather:
	ROW
	GATHER
	TESTQ BX, BX
	JZ   finish
rest:
	CMPQ BX, $64
	JBE  last
	VMOVDQU64 (SI), Z0
	NEXT
	ADDQ $64, SI
	ADDQ $64, R11
	SUBQ $64, BX
	JMP  rest
last:
	KMOVQ R9, K1
	VMOVDQU8.Z (SI), K1, Z0
	NEXT
finish:
	FINISH
	MOVL AX, ret+32(FP)
	RET
