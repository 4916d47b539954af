/* The associations of a one-to-many socket that were seen a moment ago. */
#ifndef TRUNKLINE_PEER_H
#define TRUNKLINE_PEER_H

#include "trunkline.h"

/* Remembers the association of a frame that was received or checked, with its
 * outstreams and address. */
void tl_peer_learn(struct tl_sock *s, const struct tl_frame *f);
/* tl_peer_learn by the holder of the lock. */
void tl_peer_learn_locked(struct tl_sock *s, const struct tl_frame *f);
/* The association has left the socket, by peel-off. */
void tl_peer_forget(struct tl_sock *s, int32_t assoc_id);
/* Whether a message to send goes to an association that was seen within
 * TL_PEER_LIFE, on a stream that it has. Fills in f's assoc_id. */
bool tl_peer_find(struct tl_sock *s, struct tl_frame *f);

#endif
