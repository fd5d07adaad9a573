/* SPDX-License-Identifier: GPL-2.0-only */
/* One thread; wasi-libc's own headers declare the types. */
#ifndef HOST_PTHREAD_H
#define HOST_PTHREAD_H
#include <sys/types.h>
#include <time.h>
#endif
