/* The calls that make, copy and end descriptors, and those that move data
 * between two. */
#include <limits.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <stdarg.h>
#include <sys/time.h>

#include "real.h"
#include "trunkline.h"

/* Closes a socket's last descriptor here, and waits for its end as SO_LINGER says. */
static int close_lingering(struct tl_sock *s, int fd)
{
	struct timeval patience = {.tv_sec = atomic_load(&s->linger)};
	struct tl_call call = {.request = {.op = TL_LINGER, .flags = TL_Q_WAIT}};
	int error = tl_ask(s, fd, &call);
	tl_drop(fd);
	int result = REAL(close)(fd);
	if (error == EINPROGRESS && (call.reply.flags & TL_R_WAITER))
		tl_await(s, &call, &patience);
	return result;
}

TL_EXPORT int close(int fd)
{
	struct tl_sock *s = tl_find(fd);
	if (s == NULL) {
		if (__builtin_expect(fd >= 0 && fd == tl_control(), 0) && !tl_foreign())
			return tl_fail(EBADF);
		return REAL(close)(fd);
	}
	if (atomic_load(&s->linger) != 0 && atomic_load(&s->descriptors) == 1 && !tl_foreign())
		return close_lingering(s, fd);
	tl_drop(fd);
	return REAL(close)(fd);
}

static void drop_range(unsigned first, unsigned last)
{
	tl_drop_range(first, last);
	int control = tl_control();
	if (control >= 0 && (unsigned)control >= first && (unsigned)control <= last)
		tl_drop_control();
}

TL_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	if (!(flags & CLOSE_RANGE_CLOEXEC) && first <= last)
		drop_range(first, last);
	return tl_real.close_range == NULL ? tl_fail(ENOSYS) : REAL(close_range)(first, last, flags);
}

TL_EXPORT void closefrom(int first)
{
	drop_range(first < 0 ? 0 : (unsigned)first, UINT_MAX);
	REAL(closefrom)(first);
}

TL_EXPORT int fclose(FILE *file)
{
	int saved = errno;
	int fd = file == NULL ? -1 : fileno(file);
	errno = saved;
	if (fd >= 0)
		tl_drop(fd);
	return REAL(fclose)(file);
}

TL_EXPORT int dup(int fd)
{
	int copy = REAL(dup)(fd);
	if (copy >= 0)
		tl_share(fd, copy);
	return copy;
}

TL_EXPORT int dup2(int fd, int to)
{
	if (fd == to)
		return REAL(dup2)(fd, to);
	if (to >= 0 && to == tl_control())
		tl_drop_control();
	int result = REAL(dup2)(fd, to);
	if (result < 0)
		return result;
	tl_share(fd, to);
	return result;
}

TL_EXPORT int dup3(int fd, int to, int flags)
{
	if (to >= 0 && to == tl_control())
		tl_drop_control();
	int result = REAL(dup3)(fd, to, flags);
	if (result < 0)
		return result;
	tl_share(fd, to);
	return result;
}

static int fcntl_with(int fd, int command, void *argument)
{
	int result = REAL(fcntl)(fd, command, argument);
	if (result >= 0 && (command == F_DUPFD || command == F_DUPFD_CLOEXEC))
		tl_share(fd, result);
	return result;
}

TL_EXPORT int fcntl(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return fcntl_with(fd, command, argument);
}

TL_EXPORT int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return fcntl_with(fd, command, argument);
}

TL_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	struct tl_sock *s = request == FIONREAD || request == SIOCOUTQ ? tl_find(fd) : NULL;
	if (s == NULL)
		return REAL(ioctl)(fd, request, argument);
	return request == FIONREAD ? tl_pending(s, fd, argument) : tl_fail(ENOTTY); /* as Linux's SCTP */
}

/* sendfile to a socket of ours: messages of what is read at once. */
static ssize_t send_file(struct tl_sock *s, int to, int from, off_t *offset, size_t n)
{
	char buffer[16384];
	size_t done = 0;
	while (done < n) {
		size_t size = n - done < sizeof buffer ? n - done : sizeof buffer;
		ssize_t got = offset != NULL ? pread(from, buffer, size, *offset) : REAL(read)(from, buffer, size);
		if (got <= 0)
			return done > 0 ? (ssize_t)done : got;
		ssize_t sent = tl_send_bytes(s, to, buffer, (size_t)got, 0);
		if (sent < 0) {
			if (offset == NULL)
				lseek(from, -got, SEEK_CUR);
			return done > 0 ? (ssize_t)done : sent;
		}
		done += (size_t)got;
		if (offset != NULL)
			*offset += got;
	}
	return (ssize_t)done;
}

TL_EXPORT ssize_t sendfile(int to, int from, off_t *offset, size_t n)
{
	if (tl_find(from) != NULL)
		return tl_fail(EINVAL);
	struct tl_sock *s = tl_find(to);
	return s == NULL ? REAL(sendfile)(to, from, offset, n) : send_file(s, to, from, offset, n);
}

TL_EXPORT ssize_t sendfile64(int to, int from, off64_t *offset, size_t n)
{
	return sendfile(to, from, (off_t *)offset, n);
}

/* Frames must not pass for data: programs fall back to read and write. */
TL_EXPORT ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t n, unsigned flags)
{
	if (tl_find(from) != NULL || tl_find(to) != NULL)
		return tl_fail(EINVAL);
	return REAL(splice)(from, from_offset, to, to_offset, n, flags);
}
