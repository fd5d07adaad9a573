/* SPDX-License-Identifier: GPL-2.0-only */
/* Debian's wasi-libc has no setjmp; see ../setjmp.c. The buffer is at least a struct jump_buffer. */
#ifndef HOST_SETJMP_H
#define HOST_SETJMP_H
typedef struct {
    unsigned long words[8];
} jmp_buf[1];
typedef jmp_buf sigjmp_buf;
int setjmp(jmp_buf) __attribute__((__returns_twice__));
_Noreturn void longjmp(jmp_buf, int);
#define siglongjmp(buffer, value) longjmp(buffer, value)
#endif
