/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Included ahead of every file of Unicorn (clang -include).
 */
#ifndef HOST_COMPAT_H
#define HOST_COMPAT_H

#include <stdint.h>
#include <setjmp.h>

extern uintptr_t interpreter_position;

/*
 * GETPC() asks for the return address of a helper, to learn at which guest instruction generated code called it. Here
 * the interpreter calls helpers, and says where it is. A zero means "not inside translated code".
 */
#define __builtin_return_address(level) ((void *)interpreter_position)
#define __builtin_extract_return_addr(address) (address)

/* Whoever is jumped to is outside translated code again. */
#undef sigsetjmp
#define sigsetjmp(buffer, save_mask) (setjmp(buffer) ? (interpreter_position = 0, 1) : 0)

#endif
