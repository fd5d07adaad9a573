/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_NOSPEC_BRANCH_H
#define _ASM_X86_NOSPEC_BRANCH_H
#include <linux/objtool.h>
#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#ifdef __ASSEMBLY__
/* The operand lies in entry text: it is read under the user CR3. */
.macro CLEAR_CPU_BUFFERS
	ALTERNATIVE "", __stringify(verw _ASM_RIP(x86_verw_sel)), X86_FEATURE_CLEAR_CPU_BUF
.endm
/* Nothing without the mitigations. */
.macro UNTRAIN_RET
	ALTERNATIVE "", "lfence", ALT_NOT(X86_FEATURE_ALWAYS)
.endm
.macro UNTRAIN_RET_FROM_CALL
	UNTRAIN_RET
.endm
.macro CALL_NOSPEC reg:req
	call	*%\reg
.endm
/* Empty without the mitigations that they belong to. */
.macro IBRS_ENTER save_reg
.endm
.macro IBRS_EXIT save_reg
.endm
.macro CLEAR_BRANCH_HISTORY
.endm
.macro CALL_DEPTH_ACCOUNT
.endm
.macro FILL_RETURN_BUFFER reg:req nr:req ftr:req
.endm
.macro HANDLE_INTR_SAFERET regs:req
.endm
/* Flags, as a guest of Xen asks for them. */
#ifdef CONFIG_PARAVIRT_XXL
#include <asm/paravirt.h>
#define SAVE_FLAGS	PARAVIRT_SAVE_FLAGS
#else
#define SAVE_FLAGS	pushfq; popq %rax
#endif
#endif
#endif
