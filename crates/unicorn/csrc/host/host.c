/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What QEMU asks of an operating system, on a WebAssembly machine: one thread, one flat memory, no files. Stands in
 * for util/{oslib-posix,osdep,qemu-thread-posix,pagesize,cacheinfo,getauxval,guest-random}.c and glib_compat/grand.c.
 */
#include "qemu/osdep.h"
#include "qemu/thread.h"
#include "qemu/guest-random.h"
#include "uc_priv.h"
#include <sys/mman.h>

#define PAGE 4096

void init_real_host_page_size(struct uc_struct *uc)
{
    uc->qemu_real_host_page_size = PAGE;
}

void init_cache_info(struct uc_struct *uc)
{
    uc->qemu_icache_linesize = 64;
}

void *qemu_try_memalign(size_t alignment, size_t size)
{
    void *memory = NULL;

    if (alignment < sizeof(void *)) {
        alignment = sizeof(void *);
    }
    return posix_memalign(&memory, alignment, size) ? NULL : memory;
}

void *qemu_memalign(size_t alignment, size_t size)
{
    void *memory = qemu_try_memalign(alignment, size);

    if (!memory) {
        abort();
    }
    return memory;
}

void qemu_vfree(void *memory)
{
    free(memory);
}

/* NULL becomes an error of uc_mem_map(). */
void *qemu_anon_ram_alloc(struct uc_struct *uc, size_t size, uint64_t *alignment)
{
    void *memory = qemu_try_memalign(PAGE, size);

    if (alignment) {
        *alignment = PAGE;
    }
    return memory ? memset(memory, 0, size) : NULL;
}

void qemu_anon_ram_free(struct uc_struct *uc, void *memory, size_t size)
{
    free(memory);
}

int qemu_madvise(void *memory, size_t size, int advice)
{
    return 0;
}

int qemu_mprotect_rwx(void *memory, size_t size)
{
    return 0;
}

int qemu_mprotect_none(void *memory, size_t size)
{
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    void *memory = qemu_try_memalign(PAGE, size);

    return memory ? memory : MAP_FAILED;
}

int munmap(void *memory, size_t size)
{
    free(memory);
    return 0;
}

int mprotect(void *memory, size_t size, int protection)
{
    return 0;
}

/* Only uc_emu_start() with a timeout asks for a thread; the interface of this build never sets one. */
int qemu_thread_create(struct uc_struct *uc, QemuThread *thread, const char *name, void *(*function)(void *),
                       void *argument, int mode)
{
    return -1;
}

void *qemu_thread_join(QemuThread *thread)
{
    return NULL;
}

void qemu_thread_exit(struct uc_struct *uc, void *result)
{
    abort();
}

/* RDRAND and RDSEED: a run must be a function of its input, so the numbers are xorshift64's. */
int qemu_guest_getrandom(void *buffer, size_t size)
{
    static uint64_t state = 88172645463325252ull;
    uint8_t *byte = buffer;

    while (size--) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte++ = (uint8_t)state;
    }
    return 0;
}

void qemu_guest_getrandom_nofail(void *buffer, size_t size)
{
    qemu_guest_getrandom(buffer, size);
}

/*
 * tcg.c hands g_tree_new() a comparison of two arguments, which gtree.c calls with three. Other machines ignore the
 * third; WebAssembly traps. tcg.c is compiled with -Dg_tree_new=host_tree_new.
 */
static gint compare_without_data(gconstpointer a, gconstpointer b, gpointer compare)
{
    return ((GCompareFunc)compare)(a, b);
}

GTree *host_tree_new(GCompareFunc compare)
{
    return g_tree_new_full(compare_without_data, (gpointer)compare, NULL, NULL);
}
