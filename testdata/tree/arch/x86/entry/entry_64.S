/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The entry code of the built-in text in the kernel's syntax, with the kernel's labels and no others.
 */
#include <linux/export.h>
#include <linux/linkage.h>
#include <asm/segment.h>
#include <asm/errno.h>
#include <asm/asm-offsets.h>
#include <asm/msr-index.h>
#include <asm/unistd.h>
#include <asm/percpu.h>
#include <asm/asm.h>
#include <asm/smap.h>
#include <asm/frame.h>
#include <asm/trapnr.h>
#include <asm/nospec-branch.h>

#include "calling.h"

.code64
.section .entry.text, "ax"

SYM_CODE_START(entry_SYSCALL_64)
	UNWIND_HINT_FUNC
	ENDBR
	swapgs
	movq	%rsp, PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rsp
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rsp
SYM_INNER_LABEL(entry_SYSCALL_64_safe_stack, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	pushq	$__USER_DS
	pushq	PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	pushq	%r11
	pushq	$__USER_CS
	pushq	%rcx
SYM_INNER_LABEL(entry_SYSCALL_64_after_hwframe, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	pushq	%rax
	PUSH_AND_CLEAR_REGS rax=$-ENOSYS
	movq	%rsp, %rdi
	movslq	%eax, %rsi
	UNTRAIN_RET
	call	do_syscall_64
	ALTERNATIVE "testb %al, %al; jz swapgs_restore_regs_and_return_to_usermode", \
		"jmp swapgs_restore_regs_and_return_to_usermode", X86_FEATURE_XENPV
syscall_return_via_sysret:
	POP_REGS pop_rdi=0
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	RSP-RDI(%rdi)
	pushq	(%rdi)
	SWITCH_TO_USER_CR3_STACK scratch_reg=%rdi
	popq	%rdi
	popq	%rsp
SYM_INNER_LABEL(entry_SYSRETQ_unsafe_stack, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	swapgs
	CLEAR_CPU_BUFFERS
	sysretq
SYM_INNER_LABEL(entry_SYSRETQ_end, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	int3
SYM_CODE_END(entry_SYSCALL_64)

.pushsection .text, "ax"
/* Nothing here switches tasks; the offsets in struct task_struct are the build's. */
SYM_FUNC_START(__switch_to_asm)
	movq	%rsp, TASK_threadsp(%rdi)
	movq	TASK_threadsp(%rsi), %rsp
	jmp	__switch_to
SYM_FUNC_END(__switch_to_asm)
.popsection

/* Call the handler on the stack that error_entry chooses. */
.macro idtentry_body cfunc has_error_code:req
	call	error_entry
	movq	%rax, %rsp
	ENCODE_FRAME_POINTER
	UNWIND_HINT_REGS
	movq	%rsp, %rdi
	.if \has_error_code == 1
		movq	ORIG_RAX(%rsp), %rsi
		movq	$-1, ORIG_RAX(%rsp)
	.endif
	call	\cfunc
	REACHABLE
	jmp	error_return
.endm

.macro idtentry vector asmsym cfunc has_error_code:req
SYM_CODE_START(\asmsym)
	.if \vector == X86_TRAP_BP
		UNWIND_HINT_IRET_ENTRY offset=\has_error_code*8 signal=0
	.else
		UNWIND_HINT_IRET_ENTRY offset=\has_error_code*8
	.endif
	ENDBR
	ASM_CLAC
	cld
	.if \has_error_code == 0
		pushq	$-1
	.endif
	.if \vector == X86_TRAP_BP
		/* From kernel a gap of six words. */
		testb	$3, CS-ORIG_RAX(%rsp)
		jnz	.Lfrom_usermode_no_gap_\@
		.rept	6
		pushq	5*8(%rsp)
		.endr
.Lfrom_usermode_no_gap_\@:
	.endif
	idtentry_body \cfunc \has_error_code
_ASM_NOKPROBE(\asmsym)
SYM_CODE_END(\asmsym)
.endm

/* From kernel on the IST stack, from user on the thread stack. */
.macro idtentry_mce_db vector asmsym cfunc
SYM_CODE_START(\asmsym)
	UNWIND_HINT_IRET_ENTRY
	ENDBR
	ASM_CLAC
	cld
	pushq	$-1
	testb	$3, CS-ORIG_RAX(%rsp)
	jnz	.Lfrom_usermode_switch_stack_\@
	call	paranoid_entry
	UNWIND_HINT_REGS
	movq	%rsp, %rdi
	call	\cfunc
	jmp	paranoid_exit
.Lfrom_usermode_switch_stack_\@:
	idtentry_body noist_\cfunc, has_error_code=0
_ASM_NOKPROBE(\asmsym)
SYM_CODE_END(\asmsym)
.endm

#ifdef CONFIG_AMD_MEM_ENCRYPT
/* From kernel off the IST stack as soon as registers are saved. */
.macro idtentry_vc vector asmsym cfunc
SYM_CODE_START(\asmsym)
	ENDBR
	ASM_CLAC
	cld
	testb	$3, CS-ORIG_RAX(%rsp)
	jnz	.Lfrom_usermode_switch_stack_\@
	call	paranoid_entry
	movq	%rsp, %rdi
	call	vc_switch_off_ist
	movq	%rax, %rsp
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	movq	%rsp, %rdi
	call	kernel_\cfunc
	jmp	paranoid_exit
.Lfrom_usermode_switch_stack_\@:
	idtentry_body user_\cfunc, has_error_code=1
SYM_CODE_END(\asmsym)
.endm
#endif

/* Paranoid whatever CS says. */
.macro idtentry_df vector asmsym cfunc
SYM_CODE_START(\asmsym)
	ENDBR
	ASM_CLAC
	cld
	call	paranoid_entry
	movq	%rsp, %rdi
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	call	\cfunc
	jmp	paranoid_exit
SYM_CODE_END(\asmsym)
.endm

	__ALIGN
	.globl __irqentry_text_start
__irqentry_text_start:

#include <asm/idtentry.h>

	__ALIGN
	.globl __irqentry_text_end
__irqentry_text_end:

SYM_CODE_START(swapgs_restore_regs_and_return_to_usermode)
	UNWIND_HINT_FUNC
#ifdef CONFIG_MITIGATION_PAGE_TABLE_ISOLATION
	ALTERNATIVE "", "jmp .Lpti_restore_regs_and_return_to_usermode", X86_FEATURE_PTI
#endif
	POP_REGS
	addq	$8, %rsp
.Lswapgs_and_iret:
	swapgs
	CLEAR_CPU_BUFFERS
	testb	$3, 8(%rsp)
	jnz	.Lnative_iret
	ud2
.Lpti_restore_regs_and_return_to_usermode:
	POP_REGS pop_rdi=0
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	SS-RDI(%rdi)
	pushq	RSP-RDI(%rdi)
	pushq	EFLAGS-RDI(%rdi)
	pushq	CS-RDI(%rdi)
	pushq	RIP-RDI(%rdi)
	pushq	(%rdi)
	pushq	%rax
	SWITCH_TO_USER_CR3 scratch_reg=%rdi scratch_reg2=%rax
	popq	%rax
	popq	%rdi
	jmp	.Lswapgs_and_iret
SYM_INNER_LABEL(restore_regs_and_return_to_kernel, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
#ifdef CONFIG_DEBUG_ENTRY
	testb	$3, CS(%rsp)
	jz	.Lreturns_to_kernel
	ud2
.Lreturns_to_kernel:
#endif
	POP_REGS
	addq	$8, %rsp
.Lnative_iret:
	testb	$4, SS-RIP(%rsp)
	jnz	native_irq_return_ldt
SYM_INNER_LABEL(native_irq_return_iret, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	iretq
native_irq_return_ldt:
	ud2
SYM_CODE_END(swapgs_restore_regs_and_return_to_usermode)

SYM_FUNC_START(asm_load_gs_index)
	ENDBR
	swapgs
.Lgs_change:
	movl	%edi, %gs
2:	ALTERNATIVE "", "mfence", X86_BUG_SWAPGS_FENCE
	swapgs
	RET
.Lbad_gs:
	swapgs
	xorl	%eax, %eax
	movl	%eax, %gs
	jmp	2b
	_ASM_EXTABLE(.Lgs_change, .Lbad_gs)
SYM_FUNC_END(asm_load_gs_index)

SYM_CODE_START(paranoid_entry)
	UNWIND_HINT_FUNC
	PUSH_AND_CLEAR_REGS save_ret=1
	SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg=%rax save_reg=%r14
	ALTERNATIVE "jmp .Lparanoid_entry_checkgs", "", X86_FEATURE_FSGSBASE
	SAVE_AND_SET_GSBASE scratch_reg=%rax save_reg=%rbx
	jmp	.Lparanoid_gsbase_done
.Lparanoid_entry_checkgs:
	movl	$1, %ebx
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	testl	%edx, %edx
	js	.Lparanoid_kernel_gsbase
	xorl	%ebx, %ebx
	swapgs
.Lparanoid_kernel_gsbase:
	FENCE_SWAPGS_KERNEL_ENTRY
.Lparanoid_gsbase_done:
	RET
SYM_CODE_END(paranoid_entry)

SYM_CODE_START_LOCAL(paranoid_exit)
	UNWIND_HINT_REGS
	PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14
	ALTERNATIVE "jmp .Lparanoid_exit_checkgs", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	restore_regs_and_return_to_kernel
.Lparanoid_exit_checkgs:
	testl	%ebx, %ebx
	jnz	restore_regs_and_return_to_kernel
	swapgs
	jmp	restore_regs_and_return_to_kernel
SYM_CODE_END(paranoid_exit)
SYM_CODE_START(error_entry)
	UNWIND_HINT_FUNC
	PUSH_AND_CLEAR_REGS save_ret=1
	testb	$3, CS+8(%rsp)
	jz	.Lerror_kernelspace
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
	leaq	8(%rsp), %rdi
	jmp	sync_regs
.Lerror_kernelspace:
	leaq	native_irq_return_iret(%rip), %rcx
	cmpq	%rcx, RIP+8(%rsp)
	je	.Lerror_bad_iret
	movl	%ecx, %eax
	cmpq	%rax, RIP+8(%rsp)
	je	.Lbstep_iret
	cmpq	$.Lgs_change, RIP+8(%rsp)
	jne	.Lerror_entry_done_lfence
	swapgs
.Lerror_entry_done_lfence:
	FENCE_SWAPGS_KERNEL_ENTRY
	leaq	8(%rsp), %rax
	RET
.Lbstep_iret:
	movq	%rcx, RIP+8(%rsp)
.Lerror_bad_iret:
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
	leaq	8(%rsp), %rdi
	call	fixup_bad_iret
	movq	%rax, %rdi
	jmp	sync_regs
SYM_CODE_END(error_entry)
SYM_CODE_START_LOCAL(error_return)
	UNWIND_HINT_FUNC
#ifdef CONFIG_DEBUG_ENTRY
	pushq	%rax
	pushfq
	popq	%rax
	testl	$X86_EFLAGS_IF, %eax
	jz	.Lerror_return_irqs_off
	ud2
.Lerror_return_irqs_off:
	popq	%rax
#endif
	testb	$3, CS(%rsp)
	jz	restore_regs_and_return_to_kernel
	jmp	swapgs_restore_regs_and_return_to_usermode

SYM_CODE_END(error_return)
SYM_CODE_START(asm_exc_nmi)
	UNWIND_HINT_FUNC
	ENDBR
	ASM_CLAC
	cld
	pushq	%rdx
	testb	$3, CS-RIP+8(%rsp)
	jz	.Lnmi_from_kernel
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rdx
	movq	%rsp, %rdx
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rsp
	pushq	5*8(%rdx)
	pushq	4*8(%rdx)
	pushq	3*8(%rdx)
	pushq	2*8(%rdx)
	pushq	1*8(%rdx)
	pushq	$-1
	PUSH_AND_CLEAR_REGS rdx=(%rdx)
	movq	%rsp, %rdi
	call	exc_nmi
	jmp	swapgs_restore_regs_and_return_to_usermode
.Lnmi_from_kernel:
	movq	$repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	1f
	movq	$end_repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	nested_nmi_out
1:
	cmpl	$1, -8(%rsp)
	je	nested_nmi
	leaq	6*8(%rsp), %rdx
	cmpq	%rdx, 4*8(%rsp)
	ja	first_nmi
	subq	$EXCEPTION_STKSZ, %rdx
	cmpq	%rdx, 4*8(%rsp)
	jb	first_nmi
	testb	$(X86_EFLAGS_DF >> 8), (3*8 + 1)(%rsp)
	jz	first_nmi
nested_nmi:
	subq	$8, %rsp
	leaq	-10*8(%rsp), %rdx
	pushq	$__KERNEL_DS
	pushq	%rdx
	pushfq
	pushq	$__KERNEL_CS
	pushq	$repeat_nmi
	addq	$(6*8), %rsp
nested_nmi_out:
	popq	%rdx
	iretq
first_nmi:
	movq	(%rsp), %rdx
	pushq	$0
	subq	$(5*8), %rsp
	.rept	5
	pushq	11*8(%rsp)
	.endr
#ifdef CONFIG_DEBUG_ENTRY
	pushq	$0
	pushq	%rsp
	addq	$8, (%rsp)
	pushfq
	pushq	$__KERNEL_CS
	pushq	$1f
	iretq
1:
#endif
repeat_nmi:
	movq	$1, 10*8(%rsp)
	addq	$(10*8), %rsp
	.rept	5
	pushq	-6*8(%rsp)
	.endr
	subq	$(5*8), %rsp
end_repeat_nmi:
	pushq	$-1
	call	paranoid_entry
	movq	%rsp, %rdi
	call	exc_nmi
	PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14
	ALTERNATIVE "jmp nmi_no_fsgsbase", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	nmi_restore
nmi_no_fsgsbase:
	testl	%ebx, %ebx
	jnz	nmi_restore
nmi_swapgs:
	swapgs
nmi_restore:
	POP_REGS
	addq	$(6*8), %rsp
	std
	movq	$0, 5*8(%rsp)
	iretq
SYM_CODE_END(asm_exc_nmi)
