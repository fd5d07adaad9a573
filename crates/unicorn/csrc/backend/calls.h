/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Calls of helpers by signature. WebAssembly traps when a function is called with another type than its own, so there
 * is one call expression for each of the 381 signatures that up to six arguments of two widths allow.
 */
#ifndef CALLS_H
#define CALLS_H

#include "bytecode.h"

#define TYPE_0 uint32_t
#define TYPE_1 uint64_t
#define VALUE_0(n) (uint32_t)r[n]
#define VALUE_1(n) r[n]

#define CALL_EACH_RESULT(shape, types, values)                                                         \
    case BC_SIGNATURE(0, shape): ((void (*) types)function) values; break;                             \
    case BC_SIGNATURE(1, shape): r[0] = ((uint32_t (*) types)function) values; break;                  \
    case BC_SIGNATURE(2, shape): r[0] = ((uint64_t (*) types)function) values; break;

#define CALL_0() CALL_EACH_RESULT(1, (void), ())
#define CALL_1(a) CALL_EACH_RESULT(2 | a, (TYPE_##a), (VALUE_##a(0)))
#define CALL_2(a, b) CALL_EACH_RESULT(4 | a | b << 1, (TYPE_##a, TYPE_##b), (VALUE_##a(0), VALUE_##b(1)))
#define CALL_3(a, b, c)                                                                                \
    CALL_EACH_RESULT(8 | a | b << 1 | c << 2, (TYPE_##a, TYPE_##b, TYPE_##c),                          \
                     (VALUE_##a(0), VALUE_##b(1), VALUE_##c(2)))
#define CALL_4(a, b, c, d)                                                                             \
    CALL_EACH_RESULT(16 | a | b << 1 | c << 2 | d << 3, (TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d),      \
                     (VALUE_##a(0), VALUE_##b(1), VALUE_##c(2), VALUE_##d(3)))
#define CALL_5(a, b, c, d, e)                                                                          \
    CALL_EACH_RESULT(32 | a | b << 1 | c << 2 | d << 3 | e << 4,                                       \
                     (TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d, TYPE_##e),                               \
                     (VALUE_##a(0), VALUE_##b(1), VALUE_##c(2), VALUE_##d(3), VALUE_##e(4)))
#define CALL_6(a, b, c, d, e, f)                                                                       \
    CALL_EACH_RESULT(64 | a | b << 1 | c << 2 | d << 3 | e << 4 | f << 5,                              \
                     (TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d, TYPE_##e, TYPE_##f),                     \
                     (VALUE_##a(0), VALUE_##b(1), VALUE_##c(2), VALUE_##d(3), VALUE_##e(4), VALUE_##f(5)))

/* EACH_n(CALL_n, ) expands CALL_n for every combination of n widths. */
#define EACH_1(call, ...) call(__VA_ARGS__ 0) call(__VA_ARGS__ 1)
#define EACH_2(call, ...) EACH_1(call, __VA_ARGS__ 0,) EACH_1(call, __VA_ARGS__ 1,)
#define EACH_3(call, ...) EACH_2(call, __VA_ARGS__ 0,) EACH_2(call, __VA_ARGS__ 1,)
#define EACH_4(call, ...) EACH_3(call, __VA_ARGS__ 0,) EACH_3(call, __VA_ARGS__ 1,)
#define EACH_5(call, ...) EACH_4(call, __VA_ARGS__ 0,) EACH_4(call, __VA_ARGS__ 1,)
#define EACH_6(call, ...) EACH_5(call, __VA_ARGS__ 0,) EACH_5(call, __VA_ARGS__ 1,)

/* Calls `function` with arguments from r[0] on; its result goes to r[0]. */
static void __attribute__((noinline)) call_helper(uint64_t *r, void *function, uint32_t signature)
{
    switch (signature) {
    CALL_0()
    EACH_1(CALL_1,)
    EACH_2(CALL_2,)
    EACH_3(CALL_3,)
    EACH_4(CALL_4,)
    EACH_5(CALL_5,)
    EACH_6(CALL_6,)
    default:
        abort();
    }
}

#endif
