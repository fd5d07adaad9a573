/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Runs the bytecode that backend/tcg-target.inc.c emits: the tcg_qemu_tb_exec() of this host.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "exec/exec-all.h"
#include "exec/cpu_ldst.h"
#include "backend/calls.h"

/*
 * What GETPC() reads (see host/compat.h): a position inside the translated block that is running, just behind the
 * word of the current call or access, from which QEMU restores the guest's state when a helper raises an exception.
 */
uintptr_t interpreter_position;

static inline bool compare64(uint64_t x, uint64_t y, TCGCond condition)
{
    switch (condition) {
    case TCG_COND_EQ:  return x == y;
    case TCG_COND_NE:  return x != y;
    case TCG_COND_LT:  return (int64_t)x < (int64_t)y;
    case TCG_COND_GE:  return (int64_t)x >= (int64_t)y;
    case TCG_COND_LE:  return (int64_t)x <= (int64_t)y;
    case TCG_COND_GT:  return (int64_t)x > (int64_t)y;
    case TCG_COND_LTU: return x < y;
    case TCG_COND_GEU: return x >= y;
    case TCG_COND_LEU: return x <= y;
    case TCG_COND_GTU: return x > y;
    case TCG_COND_ALWAYS: return true;
    default: return false;
    }
}

/* The upper halves of registers that hold 32-bit values are not defined. */
static inline bool compare32(uint32_t x, uint32_t y, TCGCond condition)
{
    switch (condition) {
    case TCG_COND_LT:
    case TCG_COND_GE:
    case TCG_COND_LE:
    case TCG_COND_GT:
        return compare64((int64_t)(int32_t)x, (int64_t)(int32_t)y, condition);
    default:
        return compare64(x, y, condition);
    }
}

static uint64_t QEMU_NOINLINE guest_load(CPUArchState *env, uint64_t address, TCGMemOpIdx access, uintptr_t position)
{
    switch (get_memop(access) & (MO_BSWAP | MO_SSIZE)) {
    case MO_UB:   return helper_ret_ldub_mmu(env, address, access, position);
    case MO_SB:   return (int8_t)helper_ret_ldub_mmu(env, address, access, position);
    case MO_LEUW: return helper_le_lduw_mmu(env, address, access, position);
    case MO_LESW: return (int16_t)helper_le_lduw_mmu(env, address, access, position);
    case MO_LEUL: return (uint32_t)helper_le_ldul_mmu(env, address, access, position);
    case MO_LESL: return (int32_t)helper_le_ldul_mmu(env, address, access, position);
    case MO_LEQ:  return helper_le_ldq_mmu(env, address, access, position);
    case MO_BEUW: return helper_be_lduw_mmu(env, address, access, position);
    case MO_BESW: return (int16_t)helper_be_lduw_mmu(env, address, access, position);
    case MO_BEUL: return (uint32_t)helper_be_ldul_mmu(env, address, access, position);
    case MO_BESL: return (int32_t)helper_be_ldul_mmu(env, address, access, position);
    case MO_BEQ:  return helper_be_ldq_mmu(env, address, access, position);
    default: abort();
    }
}

static void QEMU_NOINLINE guest_store(CPUArchState *env, uint64_t address, uint64_t value, TCGMemOpIdx access,
                                      uintptr_t position)
{
    switch (get_memop(access) & (MO_BSWAP | MO_SIZE)) {
    case MO_UB:   helper_ret_stb_mmu(env, address, value, access, position); break;
    case MO_LEUW: helper_le_stw_mmu(env, address, value, access, position); break;
    case MO_LEUL: helper_le_stl_mmu(env, address, value, access, position); break;
    case MO_LEQ:  helper_le_stq_mmu(env, address, value, access, position); break;
    case MO_BEUW: helper_be_stw_mmu(env, address, value, access, position); break;
    case MO_BEUL: helper_be_stl_mmu(env, address, value, access, position); break;
    case MO_BEQ:  helper_be_stq_mmu(env, address, value, access, position); break;
    default: abort();
    }
}

static inline uintptr_t pointer_at(const uint32_t *word)
{
    uint64_t pointer = 0;

    for (size_t i = 0; i < BC_POINTER_WORDS; i++) {
        pointer |= (uint64_t)word[i] << 32 * i;
    }
    return (uintptr_t)pointer;
}

static inline uint64_t deposit(uint64_t into, uint64_t field, unsigned start, unsigned length)
{
    uint64_t mask = (length == 64 ? ~0ull : (1ull << length) - 1) << start;

    return (into & ~mask) | (field << start & mask);
}

/* Registers named by the current word, and its operand words. */
#define A   r[BC_A(word)]
#define B   r[BC_B(word)]
#define C   r[BC_C(word)]
#define D   r[BC_D(word)]
#define OPERAND32()  (*pc++)
#define OPERAND64()  ((uint64_t)(int64_t)(int32_t)*pc++)
#define HOST(type)   (*(type *)((uintptr_t)B + (intptr_t)(int32_t)*pc++))

#define BOTH(operation) case INDEX_op_##operation##_i32: case INDEX_op_##operation##_i64

#define PLAIN(operation, width, expression) \
    case INDEX_op_##operation##_i##width: A = (expression); break;

#define BINARY32(operation, expression)                                                                       \
    case INDEX_op_##operation##_i32: { uint32_t x = B, y = C; A = (uint32_t)(expression); break; }            \
    case INDEX_op_##operation##_i32 | BC_IMMEDIATE: {                                                         \
        uint32_t x = B, y = OPERAND32(); A = (uint32_t)(expression); break; }

#define BINARY64(operation, expression)                                                                       \
    case INDEX_op_##operation##_i64: { uint64_t x = B, y = C; A = (expression); break; }                      \
    case INDEX_op_##operation##_i64 | BC_IMMEDIATE: { uint64_t x = B, y = OPERAND64(); A = (expression); break; }

#define BRANCH(taken) pc += (taken) ? (int32_t)*pc : 1

#define COMPARE(condition)                                                                                    \
    case BC_BRANCH32 + condition: BRANCH(compare32(A, B, condition)); break;                                  \
    case BC_BRANCH64 + condition: BRANCH(compare64(A, B, condition)); break;                                  \
    case BC_BRANCH32_IMMEDIATE + condition: { uint32_t y = OPERAND32(); BRANCH(compare32(A, y, condition)); break; } \
    case BC_BRANCH64_IMMEDIATE + condition: { uint64_t y = OPERAND64(); BRANCH(compare64(A, y, condition)); break; } \
    case BC_SET32 + condition: A = compare32(B, C, condition); break;                                         \
    case BC_SET64 + condition: A = compare64(B, C, condition); break;                                         \
    case BC_SET32_IMMEDIATE + condition: { uint32_t y = OPERAND32(); A = compare32(B, y, condition); break; } \
    case BC_SET64_IMMEDIATE + condition: { uint64_t y = OPERAND64(); A = compare64(B, y, condition); break; }

uintptr_t tcg_qemu_tb_exec(CPUArchState *env, uint8_t *block)
{
    uint64_t r[TCG_TARGET_NB_REGS];
    uint64_t frame[(TCG_STATIC_CALL_ARGS_SIZE + CPU_TEMP_BUF_NLONGS * sizeof(uint64_t)) / sizeof(uint64_t)];
    const uint32_t *pc = (const uint32_t *)block;
    /* A hook may run the engine again inside this call. */
    uintptr_t outer_position = interpreter_position;

    r[TCG_AREG0] = (uintptr_t)env;
    r[TCG_REG_FRAME] = (uintptr_t)frame;

    for (;;) {
        uint32_t word = *pc++;

        switch (BC_OPERATION(word)) {
        case BC_MOVE:
            A = B;
            break;
        case BC_CONSTANT32:
            A = OPERAND64();
            break;
        case BC_CONSTANT64:
            A = pc[0] | (uint64_t)pc[1] << 32;
            pc += 2;
            break;

        case BC_CALL: {
            uint32_t signature = *pc++;
            void *function = (void *)pointer_at(pc);

            pc += BC_POINTER_WORDS;
            interpreter_position = (uintptr_t)pc;
            call_helper(r, function, signature);
            break;
        }
        case INDEX_op_exit_tb:
            interpreter_position = outer_position;
            return pointer_at(pc);
        case INDEX_op_goto_tb:
            pc = *(const uint32_t **)pointer_at(pc);
            break;
        case INDEX_op_goto_ptr:
            pc = (const uint32_t *)(uintptr_t)A;
            break;
        case INDEX_op_br:
            BRANCH(true);
            break;

        COMPARE(TCG_COND_NEVER)
        COMPARE(TCG_COND_ALWAYS)
        COMPARE(TCG_COND_EQ)
        COMPARE(TCG_COND_NE)
        COMPARE(TCG_COND_LT)
        COMPARE(TCG_COND_GE)
        COMPARE(TCG_COND_LE)
        COMPARE(TCG_COND_GT)
        COMPARE(TCG_COND_LTU)
        COMPARE(TCG_COND_GEU)
        COMPARE(TCG_COND_LEU)
        COMPARE(TCG_COND_GTU)

        case INDEX_op_movcond_i32: {
            uint32_t pair = *pc++;
            A = (uint32_t)(compare32(B, C, BC_PAIR_HIGH(pair)) ? D : r[BC_PAIR_LOW(pair)]);
            break;
        }
        case INDEX_op_movcond_i64: {
            uint32_t pair = *pc++;
            A = compare64(B, C, BC_PAIR_HIGH(pair)) ? D : r[BC_PAIR_LOW(pair)];
            break;
        }

        BOTH(ld8u):  A = HOST(uint8_t); break;
        BOTH(ld8s):  A = (int64_t)HOST(int8_t); break;
        BOTH(ld16u): A = HOST(uint16_t); break;
        BOTH(ld16s): A = (int64_t)HOST(int16_t); break;
        case INDEX_op_ld_i32:
        case INDEX_op_ld32u_i64: A = HOST(uint32_t); break;
        case INDEX_op_ld32s_i64: A = (int64_t)HOST(int32_t); break;
        case INDEX_op_ld_i64:    A = HOST(uint64_t); break;
        BOTH(st8):   HOST(uint8_t) = A; break;
        BOTH(st16):  HOST(uint16_t) = A; break;
        case INDEX_op_st_i32:
        case INDEX_op_st32_i64:  HOST(uint32_t) = A; break;
        case INDEX_op_st_i64:    HOST(uint64_t) = A; break;

        BINARY32(add, x + y)                        BINARY64(add, x + y)
        BINARY32(sub, x - y)                        BINARY64(sub, x - y)
        BINARY32(mul, x * y)                        BINARY64(mul, x * y)
        BINARY32(and, x & y)                        BINARY64(and, x & y)
        BINARY32(or, x | y)                         BINARY64(or, x | y)
        BINARY32(xor, x ^ y)                        BINARY64(xor, x ^ y)
        BINARY32(andc, x & ~y)                      BINARY64(andc, x & ~y)
        BINARY32(shl, x << (y & 31))                BINARY64(shl, x << (y & 63))
        BINARY32(shr, x >> (y & 31))                BINARY64(shr, x >> (y & 63))
        BINARY32(sar, (int32_t)x >> (y & 31))       BINARY64(sar, (int64_t)x >> (y & 63))
        BINARY32(rotl, rol32(x, y & 31))            BINARY64(rotl, rol64(x, y & 63))
        BINARY32(rotr, ror32(x, y & 31))            BINARY64(rotr, ror64(x, y & 63))

        /* TCG's front ends check for zero and overflow before they divide. */
        PLAIN(div, 32, (uint32_t)((int32_t)B / (int32_t)C))
        PLAIN(divu, 32, (uint32_t)B / (uint32_t)C)
        PLAIN(rem, 32, (uint32_t)((int32_t)B % (int32_t)C))
        PLAIN(remu, 32, (uint32_t)B % (uint32_t)C)
        PLAIN(div, 64, (uint64_t)((int64_t)B / (int64_t)C))
        PLAIN(divu, 64, B / C)
        PLAIN(rem, 64, (uint64_t)((int64_t)B % (int64_t)C))
        PLAIN(remu, 64, B % C)

        PLAIN(clz, 32, (uint32_t)B ? (uint32_t)__builtin_clz((uint32_t)B) : (uint32_t)C)
        PLAIN(ctz, 32, (uint32_t)B ? (uint32_t)__builtin_ctz((uint32_t)B) : (uint32_t)C)
        PLAIN(clz, 64, B ? (uint64_t)__builtin_clzll(B) : C)
        PLAIN(ctz, 64, B ? (uint64_t)__builtin_ctzll(B) : C)
        PLAIN(ctpop, 32, (uint64_t)__builtin_popcount((uint32_t)B))
        PLAIN(ctpop, 64, (uint64_t)__builtin_popcountll(B))

        case INDEX_op_deposit_i32: {
            uint32_t pair = *pc++;
            A = (uint32_t)deposit(B, C, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }
        case INDEX_op_deposit_i64: {
            uint32_t pair = *pc++;
            A = deposit(B, C, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }
        case INDEX_op_extract_i32: {
            uint32_t pair = *pc++;
            A = extract32(B, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }
        case INDEX_op_extract_i64: {
            uint32_t pair = *pc++;
            A = extract64(B, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }
        case INDEX_op_sextract_i32: {
            uint32_t pair = *pc++;
            A = (uint32_t)sextract32(B, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }
        case INDEX_op_sextract_i64: {
            uint32_t pair = *pc++;
            A = (uint64_t)sextract64(B, BC_PAIR_LOW(pair), BC_PAIR_HIGH(pair));
            break;
        }

        /* Results low and high, first input low and high, second input low and high. */
        case INDEX_op_add2_i64: {
            uint32_t pair = *pc++;
            uint64_t low = C, high = D;

            A = low + r[BC_PAIR_LOW(pair)];
            B = high + r[BC_PAIR_HIGH(pair)] + (A < low);
            break;
        }
        case INDEX_op_sub2_i64: {
            uint32_t pair = *pc++;
            uint64_t low = C, high = D, subtrahend = r[BC_PAIR_LOW(pair)];

            A = low - subtrahend;
            B = high - r[BC_PAIR_HIGH(pair)] - (low < subtrahend);
            break;
        }
        case INDEX_op_mulu2_i64: {
            unsigned __int128 product = (unsigned __int128)C * D;

            A = (uint64_t)product;
            B = (uint64_t)(product >> 64);
            break;
        }
        case INDEX_op_muls2_i64: {
            __int128 product = (__int128)(int64_t)C * (int64_t)D;

            A = (uint64_t)product;
            B = (uint64_t)(product >> 64);
            break;
        }

        PLAIN(ext8s, 32, (uint32_t)(int8_t)B)       PLAIN(ext8s, 64, (uint64_t)(int8_t)B)
        PLAIN(ext16s, 32, (uint32_t)(int16_t)B)     PLAIN(ext16s, 64, (uint64_t)(int16_t)B)
        BOTH(ext8u):  A = (uint8_t)B; break;
        BOTH(ext16u): A = (uint16_t)B; break;
        case INDEX_op_ext_i32_i64:
        case INDEX_op_ext32s_i64:  A = (uint64_t)(int32_t)B; break;
        case INDEX_op_extu_i32_i64:
        case INDEX_op_ext32u_i64:  A = (uint32_t)B; break;
        BOTH(bswap16): A = bswap16((uint16_t)B); break;
        BOTH(bswap32): A = bswap32((uint32_t)B); break;
        PLAIN(bswap64, 64, bswap64(B))
        PLAIN(not, 32, (uint32_t)~B)                PLAIN(not, 64, ~B)
        PLAIN(neg, 32, (uint32_t)-B)                PLAIN(neg, 64, -B)

        case INDEX_op_qemu_ld_i32: {
            TCGMemOpIdx access = *pc++;

            interpreter_position = (uintptr_t)pc;
            A = (uint32_t)guest_load(env, B, access, interpreter_position);
            break;
        }
        case INDEX_op_qemu_ld_i64: {
            TCGMemOpIdx access = *pc++;

            interpreter_position = (uintptr_t)pc;
            A = guest_load(env, B, access, interpreter_position);
            break;
        }
        BOTH(qemu_st): {
            TCGMemOpIdx access = *pc++;

            interpreter_position = (uintptr_t)pc;
            guest_store(env, B, A, access, interpreter_position);
            break;
        }

        default:
            /* The emitter writes nothing else. */
            abort();
        }
    }
}
