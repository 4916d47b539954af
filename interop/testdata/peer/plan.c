/* The planned messages: sizes and bytes follow from a seed, as in pattern_test.go. */
#include <endian.h>
#include <string.h>

#include "peer.h"

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#define STEP 0x9e3779b97f4a7c15u

uint64_t message_key(uint64_t seed, unsigned stream, uint64_t index)
{
	return mix(mix(seed * STEP + stream) + index * STEP);
}

/* Most messages are small, most bytes are in large ones; the first message of
 * stream 0 and of stream 1 are the two extremes. */
size_t message_size(uint64_t seed, unsigned stream, uint64_t index)
{
	uint64_t key = message_key(seed, stream, index), span = key >> 8;

	if (index == 0 && stream == 0)
		return 1;
	if (index == 0 && stream == 1)
		return MAX_MESSAGE;
	switch (key & 15) {
	case 0: case 1: case 2: case 3:
		return 1 + span % 64;
	case 4: case 5: case 6: case 7: case 8: case 9:
		return 65 + span % 1436;
	case 10: case 11: case 12: case 13:
		return 1501 + span % 18500;
	default:
		return 20001 + span % (MAX_MESSAGE - 20000);
	}
}

/* An unordered message has its index in its PPID, counted from UNORDERED_PPID. */
bool is_unordered(uint64_t key)
{
	return opt.unordered != 0 && key >> 62 == 0;
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

void fill(uint8_t *p, size_t n, uint64_t key)
{
	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = htole64(mix(key += STEP));

		memcpy(p + at, &word, n - at < 8 ? n - at : 8);
	}
}

long wrong_at(const uint8_t *p, size_t n, uint64_t key)
{
	uint8_t tail[8] = {0}, want[8] = {0};

	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = mix(key += STEP);

		if (n - at >= 8) {
			if (load64(p + at) != word)
				return (long)at;
			continue;
		}
		word = htole64(word);
		memcpy(want, &word, n - at);
		memcpy(tail, p + at, n - at);
		if (memcmp(want, tail, 8) != 0)
			return (long)at;
	}
	return -1;
}

uint64_t planned_messages(void)
{
	uint64_t n = 0;

	for (uint64_t sum = 0; sum < opt.bytes; n++)
		sum += message_size(opt.seed, (unsigned)(n % opt.streams), n / opt.streams);
	return n;
}
