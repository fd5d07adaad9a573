/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The code that this TCG backend emits and interpreter.c runs: 32-bit words, so that it needs neither executable
 * memory nor a particular byte order of the host.
 *
 *   word 0:  operation [11:0]  a [16:12]  b [21:17]  c [26:22]  d [31:27]     a..d are register numbers
 *   then:    operand words, as many as the operation says
 *
 * Operations below 0x100 are TCG's own INDEX_op_* numbers with register operands. With BC_IMMEDIATE added, the last
 * input is a sign-extended operand word instead of a register. Compares carry their TCGCond in the low four bits.
 */
#ifndef BYTECODE_H
#define BYTECODE_H

#define BC_IMMEDIATE 0x100

enum bytecode_operation {
    BC_BRANCH32             = 0x200,
    BC_BRANCH32_IMMEDIATE   = 0x210,
    BC_BRANCH64             = 0x220,
    BC_BRANCH64_IMMEDIATE   = 0x230,
    BC_SET32                = 0x240,
    BC_SET32_IMMEDIATE      = 0x250,
    BC_SET64                = 0x260,
    BC_SET64_IMMEDIATE      = 0x270,
    BC_MOVE                 = 0x280,
    BC_CONSTANT32           = 0x281,   /* one operand word, sign-extended */
    BC_CONSTANT64           = 0x282,   /* two operand words, low first */
    BC_CALL                 = 0x283,   /* signature word, then the function's address */
};

#define BC_WORD(operation, a, b, c, d) \
    ((uint32_t)(operation) | (uint32_t)(a) << 12 | (uint32_t)(b) << 17 | (uint32_t)(c) << 22 | (uint32_t)(d) << 27)
#define BC_OPERATION(word) ((word) & 0xfff)
#define BC_A(word) ((word) >> 12 & 31)
#define BC_B(word) ((word) >> 17 & 31)
#define BC_C(word) ((word) >> 22 & 31)
#define BC_D(word) ((word) >> 27)

/* Two small operands in one word: positions and lengths, further registers, conditions. */
#define BC_PAIR(low, high) ((uint32_t)(low) | (uint32_t)(high) << 8)
#define BC_PAIR_LOW(word) ((word) & 0xff)
#define BC_PAIR_HIGH(word) ((word) >> 8)

/* The address of something of the host takes as many words as a pointer of the host has. */
#define BC_POINTER_WORDS (sizeof(uintptr_t) / sizeof(uint32_t))

/*
 * A call names the exact C type of its function: WebAssembly checks the type of every indirect call.
 *   returns: 0 nothing, 1 a 32-bit value, 2 a 64-bit value
 *   shape:   a one above one bit for each argument, the first argument lowest; a set bit means 64 bits wide
 */
#define BC_SIGNATURE(returns, shape) ((returns) + 3 * (shape))

#endif
