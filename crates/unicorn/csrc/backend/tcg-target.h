/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * A TCG host that is not a processor: 32 virtual registers of 64 bits, whatever the size of the host's pointers.
 * TCG allows the two sizes to differ (its x32 case), which spares a 32-bit host the pairwise operations.
 */
#ifndef TCG_TARGET_BYTECODE_H
#define TCG_TARGET_BYTECODE_H

#define TCG_TARGET_REG_BITS 64
#define TCG_TARGET_INSN_UNIT_SIZE 4
#define TCG_TARGET_TLB_DISPLACEMENT_BITS 32
#define TCG_TARGET_NB_REGS 32

/* tcg.h then declares tcg_qemu_tb_exec() as a function instead of a jump into generated code. */
#define HAVE_TCG_QEMU_TB_EXEC 1

typedef enum {
    TCG_REG_R0, TCG_REG_R1, TCG_REG_R2, TCG_REG_R3, TCG_REG_R4, TCG_REG_R5,
    TCG_REG_FRAME = 30,
    TCG_AREG0 = 31,
} TCGReg;

#define TCG_REG_CALL_STACK            TCG_REG_FRAME
#define TCG_TARGET_STACK_ALIGN        16
#define TCG_TARGET_CALL_STACK_OFFSET  0
#define TCG_TARGET_DEFAULT_MO         TCG_MO_ALL

#define TCG_TARGET_HAS_goto_ptr       1
#define TCG_TARGET_HAS_direct_jump    0
#define TCG_TARGET_HAS_MEMORY_BSWAP   1

/* Operations of both widths. */
#define TCG_TARGET_HAS_movcond_i32    1
#define TCG_TARGET_HAS_movcond_i64    1
#define TCG_TARGET_HAS_div_i32        1
#define TCG_TARGET_HAS_div_i64        1
#define TCG_TARGET_HAS_rem_i32        1
#define TCG_TARGET_HAS_rem_i64        1
#define TCG_TARGET_HAS_div2_i32       0
#define TCG_TARGET_HAS_div2_i64       0
#define TCG_TARGET_HAS_rot_i32        1
#define TCG_TARGET_HAS_rot_i64        1
#define TCG_TARGET_HAS_deposit_i32    1
#define TCG_TARGET_HAS_deposit_i64    1
#define TCG_TARGET_HAS_extract_i32    1
#define TCG_TARGET_HAS_extract_i64    1
#define TCG_TARGET_HAS_sextract_i32   1
#define TCG_TARGET_HAS_sextract_i64   1
#define TCG_TARGET_HAS_extract2_i32   0
#define TCG_TARGET_HAS_extract2_i64   0
#define TCG_TARGET_HAS_ext8s_i32      1
#define TCG_TARGET_HAS_ext8s_i64      1
#define TCG_TARGET_HAS_ext16s_i32     1
#define TCG_TARGET_HAS_ext16s_i64     1
#define TCG_TARGET_HAS_ext8u_i32      1
#define TCG_TARGET_HAS_ext8u_i64      1
#define TCG_TARGET_HAS_ext16u_i32     1
#define TCG_TARGET_HAS_ext16u_i64     1
#define TCG_TARGET_HAS_bswap16_i32    1
#define TCG_TARGET_HAS_bswap16_i64    1
#define TCG_TARGET_HAS_bswap32_i32    1
#define TCG_TARGET_HAS_bswap32_i64    1
#define TCG_TARGET_HAS_not_i32        1
#define TCG_TARGET_HAS_not_i64        1
#define TCG_TARGET_HAS_neg_i32        1
#define TCG_TARGET_HAS_neg_i64        1
#define TCG_TARGET_HAS_andc_i32       1
#define TCG_TARGET_HAS_andc_i64       1
#define TCG_TARGET_HAS_orc_i32        0
#define TCG_TARGET_HAS_orc_i64        0
#define TCG_TARGET_HAS_eqv_i32        0
#define TCG_TARGET_HAS_eqv_i64        0
#define TCG_TARGET_HAS_nand_i32       0
#define TCG_TARGET_HAS_nand_i64       0
#define TCG_TARGET_HAS_nor_i32        0
#define TCG_TARGET_HAS_nor_i64        0
#define TCG_TARGET_HAS_clz_i32        1
#define TCG_TARGET_HAS_clz_i64        1
#define TCG_TARGET_HAS_ctz_i32        1
#define TCG_TARGET_HAS_ctz_i64        1
#define TCG_TARGET_HAS_ctpop_i32      1
#define TCG_TARGET_HAS_ctpop_i64      1

/* Double-width arithmetic: 64-bit registers do the 32-bit kind in one. */
#define TCG_TARGET_HAS_add2_i32       0
#define TCG_TARGET_HAS_add2_i64       1
#define TCG_TARGET_HAS_sub2_i32       0
#define TCG_TARGET_HAS_sub2_i64       1
#define TCG_TARGET_HAS_mulu2_i32      0
#define TCG_TARGET_HAS_mulu2_i64      1
#define TCG_TARGET_HAS_muls2_i32      0
#define TCG_TARGET_HAS_muls2_i64      1
#define TCG_TARGET_HAS_muluh_i32      0
#define TCG_TARGET_HAS_muluh_i64      0
#define TCG_TARGET_HAS_mulsh_i32      0
#define TCG_TARGET_HAS_mulsh_i64      0

/* Changing width. */
#define TCG_TARGET_HAS_ext32s_i64     1
#define TCG_TARGET_HAS_ext32u_i64     1
#define TCG_TARGET_HAS_bswap64_i64    1
#define TCG_TARGET_HAS_extrl_i64_i32  0
#define TCG_TARGET_HAS_extrh_i64_i32  0

static inline void flush_icache_range(uintptr_t start, uintptr_t stop)
{
}

/* Only for backends with direct jumps; translate-all.c wants the declaration. */
void tb_target_set_jmp_target(uintptr_t, uintptr_t, uintptr_t);

#endif
