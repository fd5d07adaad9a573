/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * wasi-libc reaches its host through these functions. There is no host: defining them here leaves the module without
 * a single import, so its user passes an empty object. The names are those of wasi-libc's declarations.
 */
#include <stdint.h>

#define HOST(name) __imported_wasi_snapshot_preview1_##name

/* Numbers of wasi_snapshot_preview1's errno. */
enum {
    SUCCESS = 0,
    BAD_DESCRIPTOR = 8,
    NOT_SUPPORTED = 52,
};

/*
 * RDTSC asks for the time. A run must be a function of its input, so time is the number of times that it was asked
 * for, in microseconds.
 */
int32_t HOST(clock_time_get)(int32_t clock, int64_t precision, int32_t result)
{
    static uint64_t time;

    time += 1000;
    *(uint64_t *)result = time;
    return SUCCESS;
}

int32_t HOST(environ_sizes_get)(int32_t count, int32_t size)
{
    *(uint32_t *)count = 0;
    *(uint32_t *)size = 0;
    return SUCCESS;
}

int32_t HOST(environ_get)(int32_t strings, int32_t buffer)
{
    return SUCCESS;
}

int32_t HOST(fd_close)(int32_t file)
{
    return BAD_DESCRIPTOR;
}

int32_t HOST(fd_fdstat_get)(int32_t file, int32_t result)
{
    return BAD_DESCRIPTOR;
}

int32_t HOST(fd_seek)(int32_t file, int64_t offset, int32_t whence, int32_t result)
{
    return BAD_DESCRIPTOR;
}

int32_t HOST(fd_write)(int32_t file, int32_t vectors, int32_t count, int32_t written)
{
    return BAD_DESCRIPTOR;
}

int32_t HOST(poll_oneoff)(int32_t subscriptions, int32_t events, int32_t count, int32_t result)
{
    return NOT_SUPPORTED;
}

/* abort() of a failed assertion ends here as well: a trap, which the embedder sees as an exception. */
_Noreturn void HOST(proc_exit)(int32_t code)
{
    __builtin_trap();
}
