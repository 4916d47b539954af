/* Notifications as text. */
#include <stdio.h>
#include <string.h>

#include "sctpsh.h"

static const char *const assoc_states[] = {"COMM_UP", "COMM_LOST", "RESTART", "SHUTDOWN_COMP", "CANT_STR_ASSOC"};
static const char *const addr_states[] = {"AVAILABLE", "UNREACHABLE", "REMOVED", "ADDED", "MADE_PRIM", "CONFIRMED", "POTENTIALLY_FAILED"};

#define NAME_IN(names, i) ((size_t)(i) < sizeof(names) / sizeof *(names) ? (names)[i] : "?")

const char *text_of_notification(const void *data, size_t n)
{
	static char out[512];
	union sctp_notification copy;
	const union sctp_notification *s = &copy;

	memset(&copy, 0, sizeof copy);
	memcpy(&copy, data, n < sizeof copy ? n : sizeof copy);
	switch (s->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		snprintf(out, sizeof out, "ASSOC_CHANGE %s assoc=%d error=%u out=%u in=%u", NAME_IN(assoc_states, s->sn_assoc_change.sac_state),
			 (int)s->sn_assoc_change.sac_assoc_id, s->sn_assoc_change.sac_error,
			 s->sn_assoc_change.sac_outbound_streams, s->sn_assoc_change.sac_inbound_streams);
		break;
	case SCTP_PEER_ADDR_CHANGE:
		snprintf(out, sizeof out, "PEER_ADDR_CHANGE %s %s assoc=%d", NAME_IN(addr_states, s->sn_paddr_change.spc_state),
			 text_of((const void *)&s->sn_paddr_change.spc_aaddr), (int)s->sn_paddr_change.spc_assoc_id);
		break;
	case SCTP_REMOTE_ERROR:
		snprintf(out, sizeof out, "REMOTE_ERROR error=%u", s->sn_remote_error.sre_error);
		break;
	case SCTP_SEND_FAILED:
		snprintf(out, sizeof out, "SEND_FAILED error=%u length=%u", s->sn_send_failed.ssf_error, s->sn_send_failed.ssf_length);
		break;
	case SCTP_SEND_FAILED_EVENT:
		snprintf(out, sizeof out, "SEND_FAILED_EVENT error=%u length=%u", s->sn_send_failed_event.ssf_error, s->sn_send_failed_event.ssf_length);
		break;
	case SCTP_SHUTDOWN_EVENT:
		snprintf(out, sizeof out, "SHUTDOWN_EVENT assoc=%d", (int)s->sn_shutdown_event.sse_assoc_id);
		break;
	case SCTP_ADAPTATION_INDICATION:
		snprintf(out, sizeof out, "ADAPTATION_INDICATION %u", s->sn_adaptation_event.sai_adaptation_ind);
		break;
	case SCTP_PARTIAL_DELIVERY_EVENT:
		snprintf(out, sizeof out, "PARTIAL_DELIVERY_EVENT %u", s->sn_pdapi_event.pdapi_indication);
		break;
	case SCTP_AUTHENTICATION_EVENT:
		snprintf(out, sizeof out, "AUTHENTICATION_EVENT key=%u", s->sn_authkey_event.auth_keynumber);
		break;
	case SCTP_SENDER_DRY_EVENT:
		snprintf(out, sizeof out, "SENDER_DRY_EVENT");
		break;
	default:
		snprintf(out, sizeof out, "type %#x", s->sn_header.sn_type);
	}
	return out;
}
