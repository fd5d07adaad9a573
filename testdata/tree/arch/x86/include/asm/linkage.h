/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_LINKAGE_H
#define _ASM_X86_LINKAGE_H

#include <asm/ibt.h>

#ifdef __ASSEMBLY__
#define ASM_NL		;
#define __ALIGN		.balign 16, 0x90
#define __FUNC_ALIGN	__ALIGN
#define SYM_L_GLOBAL(name)	.globl name
#define SYM_L_LOCAL(name)
/* A return is a jump where the processor needs it. */
#ifdef CONFIG_MITIGATION_RETHUNK
#define RET		jmp __x86_return_thunk
#else
#define RET		ret
#endif
#else
#error "C side"
#endif

#endif
