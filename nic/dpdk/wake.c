/* Waking a thread that sleeps on an rx queue. Each rx queue has a bell, an
 * eventfd that is rung when the link changes, and by the sender where the wire
 * is ours; frames of other devices are told by the PMD's own descriptor. */
#include "shim.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_ethdev.h>

/* The queue's bell, made at the first call; the caller holds the port's lock
 * in Go. Negative is an errno. */
int tl_wake_bell(uintptr_t handle)
{
	struct tl_queue *q = (struct tl_queue *)handle;
	int fd = __atomic_load_n(&q->bell, __ATOMIC_RELAXED);

	if (fd == 0) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			return -errno;
		__atomic_store_n(&q->bell, fd, __ATOMIC_RELEASE);
	}
	return fd;
}

/* The PMD's descriptor of the queue, -1 if it has none. */
int tl_wake_fd(uintptr_t handle)
{
	struct tl_queue *q = (struct tl_queue *)handle;

	if (!q->port->interrupts)
		return -1;
	return rte_eth_dev_rx_intr_ctl_q_get_fd(q->port_id, q->queue);
}

void tl_wake(struct tl_queue *q)
{
	int fd = __atomic_load_n(&q->bell, __ATOMIC_ACQUIRE);

	/* it cannot be full: 2^64-2 rings */
	if (__atomic_exchange_n(&q->armed, 0, __ATOMIC_SEQ_CST) && fd > 0)
		eventfd_write(fd, 1);
}

void tl_wake_all(struct tl_port *p)
{
	for (uint16_t i = 0; p->rx != NULL && i < p->nrx; i++)
		tl_wake(&p->rx[i]);
}

void tl_wake_delete(struct tl_port *p)
{
	for (uint16_t i = 0; p->rx != NULL && i < p->nrx; i++)
		if (p->rx[i].bell > 0)
			close(p->rx[i].bell);
}
