#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "real.h"
#include "trunkline.h"

struct tl_real tl_real;

void tl_resolve(void)
{
#define X(name) *(void **)&tl_real.name = dlsym(RTLD_NEXT, #name);
	TL_REAL_FUNCTIONS(X)
#undef X
}

static void prepare(void)
{
	tl_control_prepare();
	tl_fork_prepare();
}

static void parent(void)
{
	tl_fork_parent();
	tl_control_parent();
}

static void child(void)
{
	tl_fork_child();
	tl_control_child();
}

__attribute__((constructor)) static void start(void)
{
	tl_resolve();
	tl_init_control(getenv("TRUNKLINE_SOCKET"));
	tl_init_lanes(getenv("TRUNKLINE_RING"));
	tl_init_descriptors();
	pthread_atfork(prepare, parent, child);
}
