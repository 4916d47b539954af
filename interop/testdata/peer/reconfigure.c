#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

static void set(struct socket *so, int name, const void *value, size_t n, const char *what)
{
	set_option_of(so, IPPROTO_SCTP, name, value, (socklen_t)n, what);
}

void authenticate(struct socket *so)
{
	struct sctp_authchunk data = {.sauth_chunk = SCTP_DATA};
	struct sctp_authkeyid active = {.scact_assoc_id = SCTP_FUTURE_ASSOC, .scact_keynumber = 1};
	struct sctp_hmacalgo *hmacs;
	struct sctp_authkey *key;
	uint16_t n = 0;

	if (opt.hmac == 0)
		return;
	hmacs = calloc(1, sizeof *hmacs + 2 * sizeof *hmacs->shmac_idents);
	hmacs->shmac_idents[n++] = (uint16_t)opt.hmac;
	if (opt.hmac != SCTP_AUTH_HMAC_ID_SHA1)
		hmacs->shmac_idents[n++] = SCTP_AUTH_HMAC_ID_SHA1;
	hmacs->shmac_number_of_idents = n;
	set(so, SCTP_HMAC_IDENT, hmacs, sizeof *hmacs + n * sizeof *hmacs->shmac_idents, "SCTP_HMAC_IDENT");
	free(hmacs);
	set(so, SCTP_AUTH_CHUNK, &data, sizeof data, "SCTP_AUTH_CHUNK");
	if (opt.key == NULL)
		return;
	key = calloc(1, sizeof *key + strlen(opt.key));
	key->sca_assoc_id = SCTP_FUTURE_ASSOC;
	key->sca_keynumber = active.scact_keynumber;
	key->sca_keylength = (uint16_t)strlen(opt.key);
	memcpy(key->sca_key, opt.key, strlen(opt.key));
	set(so, SCTP_AUTH_KEY, key, sizeof *key + strlen(opt.key), "SCTP_AUTH_KEY");
	set(so, SCTP_AUTH_ACTIVE_KEY, &active, sizeof active, "SCTP_AUTH_ACTIVE_KEY");
	free(key);
}

static void bindx(struct session *s, const char *address, int what)
{
	uint8_t room[sizeof(struct sockaddr_in6)];
	char *one = (char *)address;

	/* A bound socket's port is its own: 0 stands for it. */
	pack(room, &one, 1, 0);
	if (usrsctp_bindx(s->so, (struct sockaddr *)room, 1, what) < 0)
		fail("bindx %s: %s", address, strerror(errno));
}

void do_add(struct session *s, const char *address)
{
	bindx(s, address, SCTP_BINDX_ADD_ADDR);
}

void do_remove(struct session *s, const char *address)
{
	bindx(s, address, SCTP_BINDX_REM_ADDR);
}

void do_prefer(struct session *s, const char *address)
{
	struct sctp_setpeerprim p = {0};

	make_address(&p.sspp_addr, address, 0);
	set(s->so, SCTP_SET_PEER_PRIMARY_ADDR, &p, sizeof p, "SCTP_SET_PEER_PRIMARY_ADDR");
}
