/* af_packet joins the sockets of a port's queues to a group whose number it makes of the
 * process's and the interface's. Processes that start one after the other on neighbouring
 * interfaces make the same, and the second is refused. So the kernel chooses the number:
 * for the first socket of a port one that nobody has, which the others then get. */
#define _GNU_SOURCE
#include "shim.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread int group = -1; /* of the port that this thread opens; -1 is none yet */

void tl_new_packet_group(void) { group = -1; }

#ifndef __SANITIZE_ADDRESS__
static int join(int fd, unsigned int how, unsigned int id)
{
	unsigned int arg = how << 16 | id;

	return (int)syscall(SYS_setsockopt, fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof(arg));
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	unsigned int asked, got;
	socklen_t size = sizeof(got);

	if (level != SOL_PACKET || name != PACKET_FANOUT || len != sizeof(asked))
		return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
	asked = *(const unsigned int *)value;
	if (group >= 0)
		return join(fd, asked >> 16, group);
	if (join(fd, asked >> 16 | PACKET_FANOUT_FLAG_UNIQUEID, 0) != 0)
		return join(fd, asked >> 16, asked & 0xffff); /* before Linux 4.12 */
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &got, &size) == 0)
		group = (int)(got & 0xffff);
	return 0;
}
#endif
