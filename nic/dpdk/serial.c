/* Devices whose PMD works in DPDK's interrupt thread without regard for others:
 * memif makes and breaks its connection there, when the peer comes and goes,
 *
 * - with no lock against start, stop and close, which may then free the same
 *   things: so these are done in the interrupt thread too, by an alarm;
 * - with no look at who is inside a burst when it unmaps the rings of a peer
 *   that is gone: so munmap, which it calls after it has marked the port as
 *   disconnected, waits for those who came in before. Nothing else in the
 *   process calls munmap in that thread but to free memory of its own;
 * - with a server's listening socket left open and its freed state left with the
 *   interrupt thread when the port is closed: so the descriptor is given to
 *   something that never becomes readable, and stays taken.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_config.h>
#include <rte_ethdev.h>

static struct tl_port *ports[RTE_MAX_ETHPORTS];
static pthread_mutex_t ports_mu = PTHREAD_MUTEX_INITIALIZER;
static __thread int in_interrupt_thread;

struct job {
	int (*run)(struct tl_port *p);
	struct tl_port *port;
	int rc, done;
	pthread_mutex_t mu;
	pthread_cond_t cond;
};

static void do_job(void *arg)
{
	struct job *j = arg;
	int rc;

	in_interrupt_thread = 1;
	rc = j->run(j->port);
	pthread_mutex_lock(&j->mu);
	j->rc = rc;
	j->done = 1;
	pthread_cond_signal(&j->cond);
	pthread_mutex_unlock(&j->mu);
}

/* Runs a function of a port, in the interrupt thread if the port is serial. */
static int run(struct tl_port *p, int (*f)(struct tl_port *p))
{
	struct job j = {
		.run = f,
		.port = p,
		.mu = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};

	if (!p->serial)
		return f(p);
	int rc = rte_eal_alarm_set(1, do_job, &j);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&j.mu);
	while (!j.done)
		pthread_cond_wait(&j.cond, &j.mu);
	pthread_mutex_unlock(&j.mu);
	return j.rc;
}

static int start(struct tl_port *p)
{
	return rte_eth_dev_start(p->id);
}

static int stop(struct tl_port *p)
{
	return rte_eth_dev_stop(p->id);
}

/* The descriptor that listens on path, or -1. */
static int listener(const char *path)
{
	int last = (int)sysconf(_SC_OPEN_MAX);

	if (last < 0 || last > 65536)
		last = 65536;
	for (int fd = 0; fd < last; fd++) {
		struct sockaddr_un un = { 0 };
		socklen_t size = sizeof(un) - 1, n = sizeof(int);
		int listens = 0;

		if (getsockname(fd, (struct sockaddr *)&un, &size) == 0 &&
			un.sun_family == AF_UNIX && strcmp(un.sun_path, path) == 0 &&
			getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens)
			return fd;
	}
	return -1;
}

static int shut(struct tl_port *p)
{
	int fd = p->listens[0] ? listener(p->listens) : -1;
	int dead = fd >= 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;

	if (dead >= 0) {
		dup3(dead, fd, O_CLOEXEC);
		close(dead);
	}
	return rte_eth_dev_close(p->id);
}

int tl_dev_start(struct tl_port *p)
{
	return run(p, start);
}

int tl_dev_stop(struct tl_port *p)
{
	return run(p, stop);
}

int tl_dev_close(struct tl_port *p)
{
	return run(p, shut);
}

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

#ifndef __SANITIZE_ADDRESS__
/* Takes the place of libc's for the whole process. */
int munmap(void *addr, size_t size)
{
	if (in_interrupt_thread) {
		pthread_mutex_lock(&ports_mu);
		for (int i = 0; i < RTE_MAX_ETHPORTS; i++)
			if (ports[i] != NULL)
				tl_wait_outside(ports[i]);
		pthread_mutex_unlock(&ports_mu);
	}
	return (int)syscall(SYS_munmap, addr, size);
}
#endif
