#define _GNU_SOURCE
#include "shim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(21, 11, 0, 0)
#error "Trunkline needs DPDK 21.11 or later"
#endif

/* The last of what DPDK logged, to go with an error. */
static struct {
	pthread_mutex_t mu;
	char text[4096];
	size_t len;
	int echo;
} tl_log = { .mu = PTHREAD_MUTEX_INITIALIZER };

static ssize_t log_write(void *cookie, const char *buf, size_t size)
{
	(void)cookie;
	pthread_mutex_lock(&tl_log.mu);
	size_t n = size < sizeof(tl_log.text) ? size : sizeof(tl_log.text);
	if (tl_log.len + n > sizeof(tl_log.text)) {
		size_t keep = sizeof(tl_log.text) - n;
		if (keep > tl_log.len)
			keep = tl_log.len;
		memmove(tl_log.text, tl_log.text + tl_log.len - keep, keep);
		tl_log.len = keep;
	}
	memcpy(tl_log.text + tl_log.len, buf + size - n, n);
	tl_log.len += n;
	/* the last words before DPDK aborts are shown in any case */
	if (tl_log.echo || rte_log_cur_msg_loglevel() <= RTE_LOG_CRIT)
		fwrite(buf, 1, size, stderr);
	pthread_mutex_unlock(&tl_log.mu);
	return (ssize_t)size;
}

void tl_log_capture(int echo)
{
	cookie_io_functions_t io = { .write = log_write };
	FILE *f = fopencookie(NULL, "w", io);

	tl_log.echo = echo;
	if (f == NULL)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

int tl_log_tail(char *buf, int size)
{
	pthread_mutex_lock(&tl_log.mu);
	int n = (int)tl_log.len < size ? (int)tl_log.len : size;
	memcpy(buf, tl_log.text + tl_log.len - n, n);
	pthread_mutex_unlock(&tl_log.mu);
	return n;
}

void tl_log_clear(void)
{
	pthread_mutex_lock(&tl_log.mu);
	tl_log.len = 0;
	pthread_mutex_unlock(&tl_log.mu);
}

int tl_init(int argc, char **argv, struct tl_error *e)
{
	/* The second cache line of an mbuf is touched by every free anyhow; a
	 * private area would be a third. */
	static const struct rte_mbuf_dynfield field = {
		.name = "trunkline_ref",
		.size = sizeof(uint64_t),
		.align = __alignof__(uint64_t),
	};

	/* DPDK's threads inherit this. virtio-user writes there to peers that may
	 * be gone, and Go ends a process for a SIGPIPE in a thread not its own. */
	sigset_t pipe, before;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	e->step = "rte_eal_init";
	int rc = rte_eal_init(argc, argv);
	e->err = rte_errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc < 0)
		return -1;
	e->err = 0;
	e->step = "rte_mbuf_dynfield_register";
	tl_ref_offset = rte_mbuf_dynfield_register(&field);
	if (tl_ref_offset < 0) {
		e->err = rte_errno;
		return -1;
	}
	return 0;
}

const char *tl_version(void)
{
	return rte_version();
}

const char *tl_strerror(int err)
{
	return rte_strerror(err);
}

const char *tl_plugin_path(void)
{
#ifdef RTE_EAL_PMD_PATH
	return RTE_EAL_PMD_PATH;
#else
	return "";
#endif
}
