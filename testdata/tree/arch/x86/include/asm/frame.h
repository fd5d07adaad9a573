/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_FRAME_H
#define _ASM_X86_FRAME_H
#ifdef CONFIG_FRAME_POINTER
.macro FRAME_BEGIN
	push	%rbp
	movq	%rsp, %rbp
.endm
.macro FRAME_END
	pop	%rbp
.endm
.macro ENCODE_FRAME_POINTER ptregs_offset=0
	leaq 1+\ptregs_offset(%rsp), %rbp
.endm
#else
.macro FRAME_BEGIN
.endm
.macro FRAME_END
.endm
.macro ENCODE_FRAME_POINTER ptregs_offset=0
.endm
#endif
#endif
