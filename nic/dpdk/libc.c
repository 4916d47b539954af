/* What PMDs call of libc and is ours to answer, for the whole process: the
 * executable's symbols come before libc's. Go's runtime calls none of it.
 *
 * - memif unmaps the rings of a peer that is gone, in the interrupt thread, with
 *   no look at who is inside a burst. It has marked the port as disconnected, so
 *   munmap waits for those who came in before. Nothing else in the process calls
 *   munmap in that thread but to free memory of its own.
 * - memif frees a new connection when it cannot greet the peer, who is gone
 *   again, but leaves its closed socket with the interrupt thread, which panics.
 *   So in that thread sendmsg does not fail: the socket is shut down, and PMDs
 *   learn of that as of any peer's going.
 * - a memif client connects there, and would wait for a server that accepts nobody
 *   now, perhaps one of that same thread. So connect does not wait: it fails, and
 *   is tried again as if nobody were there.
 * - virtio-user closes descriptors twice, with a round trip to the peer between,
 *   when the number may be somebody else's: the epoll instance of the interrupt
 *   thread, which panics, or anything. So a thread may have what it closes kept
 *   until it says so, and then closed once.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_config.h>
#include <rte_interrupts.h>

#define MOST_HELD (4 * TL_MAX_QUEUES + 8) /* two for each queue, and the sockets */

static struct tl_port *ports[RTE_MAX_ETHPORTS]; /* those of memif */
static pthread_mutex_t ports_mu = PTHREAD_MUTEX_INITIALIZER;

static __thread struct {
	int on, n;
	int fds[MOST_HELD];
} held;

void tl_serial_add(struct tl_port *p)
{
	pthread_mutex_lock(&ports_mu);
	ports[p->id] = p;
	pthread_mutex_unlock(&ports_mu);
}

void tl_serial_remove(struct tl_port *p)
{
	pthread_mutex_lock(&ports_mu);
	ports[p->id] = NULL;
	pthread_mutex_unlock(&ports_mu);
}

/* From here on, what this thread closes stays open. */
void tl_hold_descriptors(void)
{
	held.on = 1;
	held.n = 0;
}

void tl_release_descriptors(void)
{
	held.on = 0;
	for (int i = 0; i < held.n; i++)
		close(held.fds[i]);
}

#ifndef __SANITIZE_ADDRESS__
int munmap(void *addr, size_t size)
{
	if (rte_thread_is_intr()) {
		pthread_mutex_lock(&ports_mu);
		for (int i = 0; i < RTE_MAX_ETHPORTS; i++)
			if (ports[i] != NULL)
				tl_wait_outside(ports[i]);
		pthread_mutex_unlock(&ports_mu);
	}
	return (int)syscall(SYS_munmap, addr, size);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	ssize_t n = syscall(SYS_sendmsg, fd, m, flags);

	if (n >= 0 || !rte_thread_is_intr())
		return n;
	shutdown(fd, SHUT_RDWR);
	n = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++)
		n += (ssize_t)m->msg_iov[i].iov_len;
	return n;
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	int flags, rc, err;

	if (!rte_thread_is_intr())
		return (int)syscall(SYS_connect, fd, to, size);
	flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	rc = (int)syscall(SYS_connect, fd, to, size);
	err = errno;
	fcntl(fd, F_SETFL, flags);
	errno = err;
	return rc;
}

int close(int fd)
{
	if (!held.on || fd < 0)
		return (int)syscall(SYS_close, fd);
	for (int i = 0; i < held.n; i++)
		if (held.fds[i] == fd)
			return 0;
	if (held.n == MOST_HELD)
		return (int)syscall(SYS_close, fd);
	held.fds[held.n++] = fd;
	return 0;
}
#endif
