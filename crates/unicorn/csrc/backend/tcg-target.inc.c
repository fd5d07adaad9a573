/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Emits the bytecode of bytecode.h. tcg.c includes this file, as it does for every backend.
 */
#include "bytecode.h"

#ifndef NDEBUG
static const char *const tcg_target_reg_names[TCG_TARGET_NB_REGS] = {
    "r0",  "r1",  "r2",  "r3",  "r4",  "r5",  "r6",  "r7",  "r8",  "r9",  "r10",
    "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21",
    "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29", "frame", "env",
};
#endif

/* Argument registers last: a value kept there would have to move at the next call. */
static const int tcg_target_reg_alloc_order[] = {
    6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    5,  4,  3,  2,  1,  0,
};
static const int tcg_target_call_iarg_regs[] = { 0, 1, 2, 3, 4, 5 };
static const int tcg_target_call_oarg_regs[] = { 0 };

/* All registers but the frame pointer and env. */
#define ALLOCATABLE 0x3fffffffu

/* Constraint 'I': a constant that one sign-extended operand word holds. */
#define CONSTRAINT_INT32 0x100

static const char *target_parse_constraint(TCGArgConstraint *ct, const char *text, TCGType type)
{
    switch (*text) {
    case 'r':
        ct->ct |= TCG_CT_REG;
        ct->u.regs = ALLOCATABLE;
        return text + 1;
    case 'I':
        ct->ct |= CONSTRAINT_INT32;
        return text + 1;
    default:
        return NULL;
    }
}

static int tcg_target_const_match(tcg_target_long value, TCGType type, const TCGArgConstraint *arg_ct)
{
    if (arg_ct->ct & TCG_CT_CONST) {
        return 1;
    }
    return (arg_ct->ct & CONSTRAINT_INT32) && (type == TCG_TYPE_I32 || value == (int32_t)value);
}

/* The only relocation: a branch word holds the distance from itself to its label, in words. */
static bool patch_reloc(tcg_insn_unit *word, int type, intptr_t target, intptr_t addend)
{
    *word = (uint32_t)((tcg_insn_unit *)target - word);
    return true;
}

static void out_label(TCGContext *s, TCGArg label)
{
    tcg_out_reloc(s, s->code_ptr, 0, arg_label(label), 0);
    tcg_out32(s, 0);
}

static void out_pointer(TCGContext *s, uintptr_t pointer)
{
    for (size_t i = 0; i < BC_POINTER_WORDS; i++) {
        tcg_out32(s, (uint32_t)((uint64_t)pointer >> 32 * i));
    }
}

static bool tcg_out_mov(TCGContext *s, TCGType type, TCGReg to, TCGReg from)
{
    if (to != from) {
        tcg_out32(s, BC_WORD(BC_MOVE, to, from, 0, 0));
    }
    return true;
}

static void tcg_out_movi(TCGContext *s, TCGType type, TCGReg to, tcg_target_long value)
{
    bool narrow = type == TCG_TYPE_I32 || value == (int32_t)value;

    tcg_out32(s, BC_WORD(narrow ? BC_CONSTANT32 : BC_CONSTANT64, to, 0, 0, 0));
    tcg_out32(s, (uint32_t)value);
    if (!narrow) {
        tcg_out32(s, (uint32_t)((uint64_t)value >> 32));
    }
}

static void out_access(TCGContext *s, TCGOpcode opc, TCGReg value, TCGReg base, intptr_t offset)
{
    tcg_out32(s, BC_WORD(opc, value, base, 0, 0));
    tcg_out32(s, (uint32_t)offset);
}

static void tcg_out_ld(TCGContext *s, TCGType type, TCGReg to, TCGReg base, intptr_t offset)
{
    out_access(s, type == TCG_TYPE_I32 ? INDEX_op_ld_i32 : INDEX_op_ld_i64, to, base, offset);
}

static void tcg_out_st(TCGContext *s, TCGType type, TCGReg from, TCGReg base, intptr_t offset)
{
    out_access(s, type == TCG_TYPE_I32 ? INDEX_op_st_i32 : INDEX_op_st_i64, from, base, offset);
}

static bool tcg_out_sti(TCGContext *s, TCGType type, TCGArg value, TCGReg base, intptr_t offset)
{
    return false;
}

/* As TCGHelperInfo, which tcg.c defines only after it includes this file. */
struct helper_info {
    void *function;
    const char *name;
    unsigned flags;
    unsigned sizemask;
};

/*
 * The signature word of a helper. Its size mask has two bits for the result and each argument (64 bits wide, signed)
 * and, from bit 16 on, the bit that the patched helper-head.h adds: whether there is such an operand at all.
 */
static uint32_t helper_signature(unsigned sizemask)
{
    unsigned present = sizemask >> 16, arguments = 0, wide = 0, returns = 0;

    while (present & 2u << arguments) {
        arguments++;
        if (sizemask & 1u << 2 * arguments) {
            wide |= 1u << (arguments - 1);
        }
    }
    if (present & 1) {
        returns = sizemask & 1 ? 2 : 1;
    }
    return BC_SIGNATURE(returns, 1u << arguments | wide);
}

static void tcg_out_call(TCGContext *s, tcg_insn_unit *target)
{
    struct helper_info *info = g_hash_table_lookup(s->helper_table, (gpointer)target);

    tcg_out32(s, BC_WORD(BC_CALL, 0, 0, 0, 0));
    tcg_out32(s, helper_signature(info->sizemask));
    out_pointer(s, (uintptr_t)target);
}

static void out_branch_compare(TCGContext *s, const TCGArg *args, bool immediate, int with_register, int with_immediate)
{
    if (immediate) {
        tcg_out32(s, BC_WORD(with_immediate + args[2], args[0], 0, 0, 0));
        tcg_out32(s, (uint32_t)args[1]);
    } else {
        tcg_out32(s, BC_WORD(with_register + args[2], args[0], args[1], 0, 0));
    }
    out_label(s, args[3]);
}

static void out_set_compare(TCGContext *s, const TCGArg *args, bool immediate, int with_register, int with_immediate)
{
    if (immediate) {
        tcg_out32(s, BC_WORD(with_immediate + args[3], args[0], args[1], 0, 0));
        tcg_out32(s, (uint32_t)args[2]);
    } else {
        tcg_out32(s, BC_WORD(with_register + args[3], args[0], args[1], args[2], 0));
    }
}

static void out_binary(TCGContext *s, TCGOpcode opc, const TCGArg *args, bool immediate)
{
    if (immediate) {
        tcg_out32(s, BC_WORD(opc | BC_IMMEDIATE, args[0], args[1], 0, 0));
        tcg_out32(s, (uint32_t)args[2]);
    } else {
        tcg_out32(s, BC_WORD(opc, args[0], args[1], args[2], 0));
    }
}

static void out_with_pair(TCGContext *s, uint32_t word, TCGArg low, TCGArg high)
{
    tcg_out32(s, word);
    tcg_out32(s, BC_PAIR(low, high));
}

#define BOTH(operation) case INDEX_op_##operation##_i32: case INDEX_op_##operation##_i64

/* Operations with two inputs, the second of which may be a constant. */
#define BINARY_OPERATIONS \
    BOTH(add): BOTH(sub): BOTH(mul): BOTH(and): BOTH(or): BOTH(xor): BOTH(andc): \
    BOTH(shl): BOTH(shr): BOTH(sar): BOTH(rotl): BOTH(rotr)

/* Operations with two inputs in registers. */
#define BINARY_REGISTER_OPERATIONS \
    BOTH(div): BOTH(divu): BOTH(rem): BOTH(remu): BOTH(clz): BOTH(ctz)

#define UNARY_OPERATIONS \
    BOTH(ext8s): BOTH(ext16s): BOTH(ext8u): BOTH(ext16u): BOTH(bswap16): BOTH(bswap32): BOTH(not): BOTH(neg): \
    BOTH(ctpop): case INDEX_op_ext_i32_i64: case INDEX_op_extu_i32_i64: case INDEX_op_ext32s_i64: \
    case INDEX_op_ext32u_i64: case INDEX_op_bswap64_i64

#define HOST_ACCESSES \
    BOTH(ld8u): BOTH(ld8s): BOTH(ld16u): BOTH(ld16s): BOTH(ld): BOTH(st8): BOTH(st16): BOTH(st): \
    case INDEX_op_ld32u_i64: case INDEX_op_ld32s_i64: case INDEX_op_st32_i64

static void tcg_out_op(TCGContext *s, TCGOpcode opc, const TCGArg *args, const int *const_args)
{
    switch (opc) {
    case INDEX_op_exit_tb:
        tcg_out32(s, opc);
        out_pointer(s, args[0]);
        break;
    case INDEX_op_goto_tb:
        tcg_out32(s, opc);
        out_pointer(s, (uintptr_t)(s->tb_jmp_target_addr + args[0]));
        set_jmp_reset_offset(s, args[0]);
        break;
    case INDEX_op_goto_ptr:
        tcg_out32(s, BC_WORD(opc, args[0], 0, 0, 0));
        break;
    case INDEX_op_br:
        tcg_out32(s, opc);
        out_label(s, args[0]);
        break;
    case INDEX_op_mb:
        /* One thread: nothing to order. */
        break;
    case INDEX_op_brcond_i32:
        out_branch_compare(s, args, const_args[1], BC_BRANCH32, BC_BRANCH32_IMMEDIATE);
        break;
    case INDEX_op_brcond_i64:
        out_branch_compare(s, args, const_args[1], BC_BRANCH64, BC_BRANCH64_IMMEDIATE);
        break;
    case INDEX_op_setcond_i32:
        out_set_compare(s, args, const_args[2], BC_SET32, BC_SET32_IMMEDIATE);
        break;
    case INDEX_op_setcond_i64:
        out_set_compare(s, args, const_args[2], BC_SET64, BC_SET64_IMMEDIATE);
        break;
    BOTH(movcond):
        out_with_pair(s, BC_WORD(opc, args[0], args[1], args[2], args[3]), args[4], args[5]);
        break;
    HOST_ACCESSES:
        out_access(s, opc, args[0], args[1], args[2]);
        break;
    BINARY_OPERATIONS:
        out_binary(s, opc, args, const_args[2]);
        break;
    BINARY_REGISTER_OPERATIONS:
        tcg_out32(s, BC_WORD(opc, args[0], args[1], args[2], 0));
        break;
    BOTH(deposit):
        out_with_pair(s, BC_WORD(opc, args[0], args[1], args[2], 0), args[3], args[4]);
        break;
    BOTH(extract):
    BOTH(sextract):
        out_with_pair(s, BC_WORD(opc, args[0], args[1], 0, 0), args[2], args[3]);
        break;
    case INDEX_op_add2_i64:
    case INDEX_op_sub2_i64:
        out_with_pair(s, BC_WORD(opc, args[0], args[1], args[2], args[3]), args[4], args[5]);
        break;
    case INDEX_op_mulu2_i64:
    case INDEX_op_muls2_i64:
        tcg_out32(s, BC_WORD(opc, args[0], args[1], args[2], args[3]));
        break;
    UNARY_OPERATIONS:
        tcg_out32(s, BC_WORD(opc, args[0], args[1], 0, 0));
        break;
    BOTH(qemu_ld):
    BOTH(qemu_st):
        tcg_out32(s, BC_WORD(opc, args[0], args[1], 0, 0));
        tcg_out32(s, (uint32_t)args[2]);
        break;
    default:
        /* Every operation that tcg-target.h promises is above. */
        tcg_abort();
    }
}

static const TCGTargetOpDef *tcg_target_op_def(TCGOpcode opc)
{
    static const TCGTargetOpDef one = { .args_ct_str = { "r" } };
    static const TCGTargetOpDef two = { .args_ct_str = { "r", "r" } };
    static const TCGTargetOpDef branch = { .args_ct_str = { "r", "rI" } };
    static const TCGTargetOpDef three = { .args_ct_str = { "r", "r", "r" } };
    static const TCGTargetOpDef binary = { .args_ct_str = { "r", "r", "rI" } };
    static const TCGTargetOpDef five = { .args_ct_str = { "r", "r", "r", "r", "r" } };
    /* '&': the interpreter writes the low result before it has read all inputs. */
    static const TCGTargetOpDef multiply = { .args_ct_str = { "&r", "&r", "r", "r" } };
    static const TCGTargetOpDef wide = { .args_ct_str = { "&r", "&r", "r", "r", "r", "r" } };

    switch (opc) {
    case INDEX_op_goto_ptr:
        return &one;
    BOTH(brcond):
        return &branch;
    BOTH(setcond):
    BINARY_OPERATIONS:
        return &binary;
    BINARY_REGISTER_OPERATIONS:
    BOTH(deposit):
        return &three;
    BOTH(movcond):
        return &five;
    case INDEX_op_mulu2_i64:
    case INDEX_op_muls2_i64:
        return &multiply;
    case INDEX_op_add2_i64:
    case INDEX_op_sub2_i64:
        return &wide;
    UNARY_OPERATIONS:
    HOST_ACCESSES:
    BOTH(extract):
    BOTH(sextract):
    BOTH(qemu_ld):
    BOTH(qemu_st):
        return &two;
    default:
        return NULL;
    }
}

static void tcg_target_init(TCGContext *s)
{
    s->tcg_target_available_regs[TCG_TYPE_I32] = ALLOCATABLE;
    s->tcg_target_available_regs[TCG_TYPE_I64] = ALLOCATABLE;
    /* A call changes nothing but its result: the interpreter's registers are not the helper's. */
    s->tcg_target_call_clobber_regs = 1u << TCG_REG_R0;
    s->reserved_regs = 0;
    tcg_regset_set_reg(s->reserved_regs, TCG_REG_FRAME);
}

static void tcg_target_qemu_prologue(TCGContext *s)
{
    tcg_set_frame(s, TCG_REG_CALL_STACK, TCG_STATIC_CALL_ARGS_SIZE, CPU_TEMP_BUF_NLONGS * sizeof(long));
    /* goto_ptr comes here when no translated block follows. */
    s->code_gen_epilogue = s->code_ptr;
    tcg_out32(s, INDEX_op_exit_tb);
    out_pointer(s, 0);
}
