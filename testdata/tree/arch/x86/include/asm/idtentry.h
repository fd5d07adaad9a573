/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_IDTENTRY_H
#define _ASM_X86_IDTENTRY_H
#include <asm/trapnr.h>
#ifndef __ASSEMBLY__
#error "C side"
#else
#define DECLARE_IDTENTRY(vector, func)			idtentry vector asm_##func func has_error_code=0
#define DECLARE_IDTENTRY_ERRORCODE(vector, func)	idtentry vector asm_##func func has_error_code=1
#define DECLARE_IDTENTRY_MCE_DB(vector, func)		idtentry_mce_db vector asm_##func func
#define DECLARE_IDTENTRY_DF(vector, func)		idtentry_df vector asm_##func func
#define DECLARE_IDTENTRY_VC(vector, func)		idtentry_vc vector asm_##func func

/* A vector of each device, which ends in one stub for all. */
	.align 16
SYM_CODE_START(irq_entries_start)
    vector=32
    .rept 2
	UNWIND_HINT_IRET_REGS
0 :
	ENDBR
	.byte	0x6a, vector
	jmp	asm_common_interrupt
	.fill 0b + 16 - ., 1, 0xcc
	vector = vector+1
    .endr
SYM_CODE_END(irq_entries_start)
#endif

DECLARE_IDTENTRY(X86_TRAP_DE,		exc_divide_error);
DECLARE_IDTENTRY(X86_TRAP_OF,		exc_overflow);
DECLARE_IDTENTRY(X86_TRAP_BR,		exc_bounds);
DECLARE_IDTENTRY(X86_TRAP_UD,		exc_invalid_op);
DECLARE_IDTENTRY(X86_TRAP_NM,		exc_device_not_available);
DECLARE_IDTENTRY(X86_TRAP_OLD_MF,	exc_coproc_segment_overrun);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_TS,	exc_invalid_tss);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_NP,	exc_segment_not_present);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_SS,	exc_stack_segment);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_GP,	exc_general_protection);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_PF,	exc_page_fault);
DECLARE_IDTENTRY(X86_TRAP_MF,		exc_coprocessor_error);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_AC,	exc_alignment_check);
DECLARE_IDTENTRY(X86_TRAP_XF,		exc_simd_coprocessor_error);
DECLARE_IDTENTRY_ERRORCODE(X86_TRAP_CP,	exc_control_protection);
DECLARE_IDTENTRY(X86_TRAP_BP,		exc_int3);
DECLARE_IDTENTRY_ERRORCODE(0xffff,	common_interrupt);
DECLARE_IDTENTRY(0xffff,		sysvec_apic_timer_interrupt);
DECLARE_IDTENTRY_MCE_DB(X86_TRAP_DB,	exc_debug);
#ifdef CONFIG_X86_MCE
DECLARE_IDTENTRY_MCE_DB(X86_TRAP_MC,	exc_machine_check);
#endif
DECLARE_IDTENTRY_DF(X86_TRAP_DF,	exc_double_fault);
#ifdef CONFIG_AMD_MEM_ENCRYPT
DECLARE_IDTENTRY_VC(X86_TRAP_VC,	exc_vmm_communication);
#endif
#endif
