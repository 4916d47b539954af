/* Devices whose PMD works in DPDK's interrupt thread without regard for others.
 *
 * memif makes and breaks its connection there, when the peer comes and goes,
 * with no lock against start, stop and close, which may then free the same
 * things: so these are done in the interrupt thread too, by an alarm. When a
 * server's port is closed, its listening socket stays open and its freed state
 * with the interrupt thread: so the descriptor is given to something that never
 * becomes readable, and stays taken.
 *
 * virtio-user takes its socket from the interrupt thread when it is stopped, but
 * not while that thread is busy with it, and then closes it all the same: the
 * thread panics. So it is stopped there; closing stays here, since it waits for
 * the peer. What the thread was to do about a peer that hung up must be done by
 * then.
 *
 * libc.c has what more they need.
 */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_ethdev.h>

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

	rc = j->run(j->port);
	pthread_mutex_lock(&j->mu);
	j->rc = rc;
	j->done = 1;
	pthread_cond_signal(&j->cond);
	pthread_mutex_unlock(&j->mu);
}

/* Runs a function of a port in the interrupt thread, after what that thread was
 * to do by now. */
static int run(struct tl_port *p, int (*f)(struct tl_port *p))
{
	struct job j = {
		.run = f,
		.port = p,
		.mu = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
	int rc = rte_eal_alarm_set(1, do_job, &j);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&j.mu);
	while (!j.done)
		pthread_cond_wait(&j.cond, &j.mu);
	pthread_mutex_unlock(&j.mu);
	return j.rc;
}

static int nothing(struct tl_port *p)
{
	(void)p;
	return 0;
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
	return p->serial == TL_SERIAL ? run(p, start) : start(p);
}

int tl_dev_stop(struct tl_port *p)
{
	return p->serial ? run(p, stop) : stop(p);
}

int tl_dev_close(struct tl_port *p)
{
	int rc;

	if (p->serial == TL_SERIAL)
		return run(p, shut);
	if (p->serial != TL_SERIAL_STOP)
		return rte_eth_dev_close(p->id);
	run(p, nothing);
	tl_hold_descriptors();
	rc = rte_eth_dev_close(p->id);
	tl_release_descriptors();
	return rc;
}
