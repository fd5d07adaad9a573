/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory without protection; see ../../host.c. Renamed, so that nothing of wasi-libc's emulation is meant. */
#ifndef HOST_MMAN_H
#define HOST_MMAN_H
#include <stddef.h>
#include <sys/types.h>
#define PROT_NONE     0
#define PROT_READ     1
#define PROT_WRITE    2
#define PROT_EXEC     4
#define MAP_SHARED    1
#define MAP_PRIVATE   2
#define MAP_ANONYMOUS 0x20
#define MAP_FAILED    ((void *)-1)
#define mmap     host_mmap
#define munmap   host_munmap
#define mprotect host_mprotect
void *mmap(void *, size_t, int, int, int, off_t);
int munmap(void *, size_t);
int mprotect(void *, size_t, int);
#endif
