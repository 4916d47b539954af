/*
 * Which descriptors are ours. A table from descriptor to socket and a table of
 * sockets, both in chunks that are mapped when first needed and never given
 * back: a reader needs no lock. What the process inherited is found when the
 * library starts; everything later comes through a hook, so that a descriptor
 * that is not in the table is somebody else's, at the cost of two loads.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "trunkline.h"

enum {
	CHUNK = 4096,        /* descriptors */
	CHUNKS = 4096,       /* 16 M descriptors, above what the kernel gives by default */
	SOCKS = 256,         /* sockets in a chunk */
	SOCK_CHUNKS = 65536, /* as many sockets as descriptors */
	NAME_LENGTH = 1 + sizeof TL_NAME_PREFIX - 1 + 16,
};

typedef _Atomic uint32_t entry; /* index of a socket, plus 1 */

static entry *_Atomic descriptors[CHUNKS];
static struct tl_sock *_Atomic socks[SOCK_CHUNKS];

/* Guards the changes of both tables. Signals are blocked under it: a handler may
 * call close(). */
static _Atomic uint32_t table_owner;
static uint32_t used_socks; /* entries that ever were in use */
static uint32_t free_socks; /* list through next_free; index plus 1 */

/* The process that the tables describe, and a byte that a copy of its memory has
 * not: so a fork that went past pthread_atfork differs from a vfork. */
static _Atomic pid_t table_pid;
static volatile uint8_t *original;

static __thread uint32_t thread_id;

static uint32_t self(void)
{
	if (thread_id == 0)
		thread_id = (uint32_t)syscall(SYS_gettid);
	return thread_id;
}

/* Takes a lock whose holder never waits. False: this thread has it already, and
 * so is in a signal handler that interrupted the holder; it goes on all the same. */
static bool acquire(_Atomic uint32_t *owner)
{
	uint32_t me = self();
	for (unsigned i = 0;; i++) {
		uint32_t nobody = 0;
		if (atomic_compare_exchange_weak_explicit(owner, &nobody, me, memory_order_acquire, memory_order_relaxed))
			return true;
		if (nobody == me)
			return false;
		if (i % 64 == 63) {
			struct timespec t = {.tv_nsec = 20000};
			int saved = errno;
			nanosleep(&t, NULL);
			errno = saved;
		} else if (i % 8 == 7) {
			sched_yield();
		}
	}
}

static void release(_Atomic uint32_t *owner, bool acquired)
{
	if (acquired)
		atomic_store_explicit(owner, 0, memory_order_release);
}

bool tl_lock(struct tl_sock *s) { return acquire(&s->owner); }

void tl_unlock(struct tl_sock *s, bool locked) { release(&s->owner, locked); }

static void table_lock(sigset_t *old)
{
	sys_block_signals(old);
	acquire(&table_owner);
}

static void table_unlock(const sigset_t *old)
{
	release(&table_owner, true);
	sys_restore_signals(old);
}

static void *map(size_t size)
{
	int saved = errno;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved;
	return p == MAP_FAILED ? NULL : p;
}

static struct tl_sock *sock(uint32_t index)
{
	return &atomic_load_explicit(&socks[index / SOCKS], memory_order_acquire)[index % SOCKS];
}

/* Makes the tables those of a child that has one thread, so that no lock has a
 * holder any more. */
static void adopt(void)
{
	thread_id = 0;
	atomic_store(&table_owner, 0);
	for (uint32_t i = 0; i < used_socks; i++)
		if (atomic_load(&sock(i)->owner) != 0)
			atomic_store(&sock(i)->owner, 0);
	atomic_store(&table_pid, getpid());
	if (original != NULL)
		*original = true;
}

bool tl_foreign(void)
{
	if (atomic_load(&table_pid) == getpid())
		return false;
	if (original == NULL || *original)
		return true;
	adopt();
	tl_control_adopt();
	return false;
}

static entry *lookup(int fd)
{
	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	entry *chunk = atomic_load_explicit(&descriptors[fd / CHUNK], memory_order_acquire);
	return chunk == NULL ? NULL : &chunk[fd % CHUNK];
}

struct tl_sock *tl_find(int fd)
{
	entry *e = lookup(fd);
	if (e == NULL)
		return NULL;
	uint32_t index = atomic_load_explicit(e, memory_order_acquire);
	return index == 0 ? NULL : sock(index - 1);
}

/* The entry of a descriptor, mapped if need be. */
static entry *reserve(int fd)
{
	if (fd < 0 || fd >= CHUNK * CHUNKS)
		return NULL;
	if (lookup(fd) == NULL) {
		entry *chunk = map(CHUNK * sizeof(entry));
		if (chunk == NULL)
			return NULL;
		atomic_store_explicit(&descriptors[fd / CHUNK], chunk, memory_order_release);
	}
	return lookup(fd);
}

/* The index of a socket that is known here, plus 1; or 0. */
static uint32_t known(uint64_t id)
{
	for (uint32_t i = 0; i < used_socks; i++)
		if (atomic_load(&sock(i)->id) == id)
			return i + 1;
	return 0;
}

/* The index of a fresh socket, plus 1; 0 if there is no memory. */
static uint32_t fresh(uint64_t id)
{
	uint32_t index = free_socks;
	if (index != 0) {
		free_socks = sock(index - 1)->next_free;
	} else {
		if (used_socks == SOCKS * SOCK_CHUNKS)
			return 0;
		if (used_socks % SOCKS == 0 && atomic_load(&socks[used_socks / SOCKS]) == NULL) {
			struct tl_sock *chunk = map(SOCKS * sizeof *chunk);
			if (chunk == NULL)
				return 0;
			atomic_store_explicit(&socks[used_socks / SOCKS], chunk, memory_order_release);
		}
		index = ++used_socks;
	}
	struct tl_sock *s = sock(index - 1);
	uint32_t version = atomic_load(&s->version), users = atomic_load(&s->lane_users), size = atomic_load(&s->lane_size);
	struct tl_lane *left = atomic_load(&s->lane_left);
	memset(s, 0, sizeof *s);
	atomic_store(&s->version, version + 1);
	atomic_store(&s->lane_size, size);
	atomic_store(&s->lane_left, left);
	atomic_store(&s->lane_users, users);
	atomic_store(&s->expect, TL_UNKNOWN);
	atomic_store(&s->id, id);
	return index;
}

/* Takes one descriptor off a socket, whose entry is free after the last. */
static void unref(uint32_t index)
{
	struct tl_sock *s = sock(index - 1);
	if (atomic_fetch_sub(&s->descriptors, 1) != 1)
		return;
	atomic_store(&s->id, 0);
	atomic_fetch_add(&s->version, 1);
	tl_lane_drop(s);
	s->next_free = free_socks;
	free_socks = index;
}

static void assign(entry *e, uint32_t index)
{
	atomic_fetch_add(&sock(index - 1)->descriptors, 1);
	uint32_t old = atomic_exchange(e, index);
	if (old != 0)
		unref(old);
}

void tl_update(struct tl_sock *s, const struct tl_socket *status)
{
	if (status->id == 0 || status->id != atomic_load(&s->id))
		return;
	atomic_store(&s->domain, status->domain);
	atomic_store(&s->type, status->type);
	atomic_store(&s->state, status->state);
	atomic_store(&s->outstreams, status->outstreams);
	atomic_store(&s->limit, status->limit);
	atomic_store(&s->linger, status->linger);
	atomic_store(&s->known, true);
}

/* Files fd as socket id, which may be known already (find) or is certainly new. */
static bool file(int fd, uint64_t id, bool find)
{
	sigset_t old;
	table_lock(&old);
	entry *e = reserve(fd);
	uint32_t index = 0;
	if (e != NULL) {
		index = find ? known(id) : 0;
		if (index == 0)
			index = fresh(id);
		if (index != 0)
			assign(e, index);
	}
	table_unlock(&old);
	return index != 0;
}

bool tl_track(int fd, const struct tl_socket *status)
{
	if (!file(fd, status->id, false))
		return false;
	tl_update(tl_find(fd), status);
	return true;
}

void tl_share(int from, int to)
{
	if (from == to || (tl_find(from) == NULL && tl_find(to) == NULL) || tl_foreign())
		return;
	tl_drop(to);
	sigset_t old;
	table_lock(&old);
	entry *e = lookup(from);
	uint32_t index = e == NULL ? 0 : atomic_load(e);
	if (index != 0 && (e = reserve(to)) != NULL)
		assign(e, index);
	table_unlock(&old);
}

void tl_drop(int fd)
{
	entry *e = lookup(fd);
	if (e == NULL || atomic_load(e) == 0 || tl_foreign())
		return;
	sigset_t signals;
	table_lock(&signals);
	uint32_t old = atomic_exchange(e, 0);
	if (old != 0)
		unref(old);
	table_unlock(&signals);
}

void tl_drop_range(unsigned first, unsigned last)
{
	for (unsigned c = first / CHUNK; c < CHUNKS && c <= last / CHUNK; c++) {
		if (atomic_load(&descriptors[c]) == NULL)
			continue;
		unsigned from = c == first / CHUNK ? first : c * CHUNK;
		unsigned to = c == last / CHUNK ? last : c * CHUNK + CHUNK - 1;
		for (unsigned fd = from; fd <= to; fd++)
			tl_drop((int)fd);
	}
}

/* The socket's id from the name that the server gave its descriptor; 0: none. */
static uint64_t named(int fd)
{
	struct sockaddr_un a;
	socklen_t length = sizeof a;
	int saved = errno;
	int failed = syscall(SYS_getsockname, fd, &a, &length);
	errno = saved;
	if (failed || length != offsetof(struct sockaddr_un, sun_path) + NAME_LENGTH || a.sun_family != AF_UNIX)
		return 0;
	if (a.sun_path[0] != 0 || memcmp(a.sun_path + 1, TL_NAME_PREFIX, sizeof TL_NAME_PREFIX - 1) != 0)
		return 0;
	uint64_t id = 0;
	for (const char *c = a.sun_path + sizeof TL_NAME_PREFIX; c < a.sun_path + NAME_LENGTH; c++) {
		if (*c >= '0' && *c <= '9')
			id = id << 4 | (uint64_t)(*c - '0');
		else if (*c >= 'a' && *c <= 'f')
			id = id << 4 | (uint64_t)(*c - 'a' + 10);
		else
			return 0;
	}
	return id;
}

/* A message may have been read in part before exec: then the descriptor's
 * SO_PEEK_OFF says how far. */
static void recall_part(struct tl_sock *s, int fd)
{
	int offset = -1, start = 0;
	socklen_t length = sizeof offset;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) != 0 || offset < (int)sizeof s->front)
		return;
	struct iovec iov = {&s->front, sizeof s->front};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	sys_setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof start);
	if (sys_recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)sizeof s->front) {
		s->taken = (uint32_t)offset - (uint32_t)sizeof s->front;
		atomic_store(&s->partial, true);
	} else {
		offset = -1;
	}
	sys_setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset);
}

/* A connect may have been in progress, or it listens: then the descriptor's SO_SNDBUF is small. */
static void recall_connect(struct tl_sock *s, int fd)
{
	int room = TL_ROOM;
	socklen_t length = sizeof room;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &length) == 0 && room < TL_PAYLOAD_MAX)
		atomic_store(&s->pad_room, TL_ROOM);
}

void tl_identify(int fd)
{
	if (tl_foreign())
		return;
	tl_drop(fd);
	uint64_t id = named(fd);
	if (id == 0 || !file(fd, id, true))
		return;
	struct tl_sock *s = tl_find(fd);
	int saved = errno;
	bool locked = tl_lock(s);
	if (!atomic_load(&s->partial))
		recall_part(s, fd);
	if (!atomic_load(&s->known) && atomic_load(&s->pad_room) == 0)
		recall_connect(s, fd);
	tl_unlock(s, locked);
	errno = saved;
}

/* What getdents64 gives. */
struct dirent_raw {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

void tl_init_descriptors(void)
{
	atomic_store(&table_pid, getpid());
	original = map(1);
	if (original != NULL && madvise((void *)original, 1, MADV_WIPEONFORK) == 0)
		*original = true;
	else
		original = NULL;
	int directory = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0) {
		struct rlimit limit = {.rlim_cur = 1024};
		getrlimit(RLIMIT_NOFILE, &limit);
		for (int fd = 0; fd < 1024 && (rlim_t)fd < limit.rlim_cur; fd++)
			tl_identify(fd);
		return;
	}
	_Alignas(struct dirent_raw) char buffer[2048];
	long n;
	while ((n = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent_raw *d = (const void *)(buffer + at);
			if (d->name[0] >= '0' && d->name[0] <= '9')
				tl_identify(atoi(d->name));
			at += d->length;
		}
	}
	sys_close(directory);
}

static sigset_t fork_signals;

void tl_fork_prepare(void) { table_lock(&fork_signals); }

void tl_fork_parent(void) { table_unlock(&fork_signals); }

void tl_fork_child(void)
{
	adopt();
	sys_restore_signals(&fork_signals);
}
