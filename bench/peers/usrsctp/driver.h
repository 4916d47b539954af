//go:build cgo && !nousrsctp

#include <stdint.h>

enum { UB_STREAM = 1, UB_TRANSACT, UB_SETUP };

/* Starts the library: crc is 1 for CRC32c in software, buffer is bytes per direction. 0 or -errno. */
int ub_init(int crc, int buffer, int mtu);
/* Opens the listener and n associations (none for UB_SETUP) and begins the work. 0 or -errno. */
int ub_begin(int mode, int n, int size, int wave);
/* Moves some bursts and does what the application has to do; returns the operations completed so far.
   Go's scheduler starts threads that look for work when a call lasts more than 20 us; so calls are few and long. */
uint64_t ub_step(void);
uint64_t ub_packets(void);
uint64_t ub_resent(void);
uint64_t ub_checksum_errors(void);
int ub_longest(void); /* bytes of the longest SCTP packet */
int ub_failed(void);  /* errno of the first failure, 0 if none */
