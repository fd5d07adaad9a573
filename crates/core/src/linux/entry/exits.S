/*
 * Returns by IRET, to user and to kernel (arch/x86/entry/entry_64.S, v6.12).
 *
 * Left out: the espfix path. No segment of a local descriptor table exists here, so the test for it never branches.
 */
.section .entry.text, "ax"

error_return:
#if DEBUG_ENTRY
	/* Interrupts are off. */
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

swapgs_restore_regs_and_return_to_usermode:
	ALTERNATIVE "", "jmp .Lpti_restore_regs_and_return_to_usermode", X86_FEATURE_PTI
	POP_REGS
	addq	$8, %rsp

iret_exit_swapgs:
.Lswapgs_and_iret:
	swapgs
	CLEAR_CPU_BUFFERS
	/* Every path to here returns to user mode. */
	testb	$3, 8(%rsp)
	jnz	.Lnative_iret
	ud2

iret_exit_trampoline:
.Lpti_restore_regs_and_return_to_usermode:
	POP_REGS pop_rdi=0
	/* The frame moves from the thread stack to the entry stack, which both halves map. */
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	SS-RDI(%rdi)
	pushq	RSP-RDI(%rdi)
	pushq	EFLAGS-RDI(%rdi)
	pushq	CS-RDI(%rdi)
	pushq	RIP-RDI(%rdi)
	pushq	(%rdi)
	pushq	%rax

iret_exit_switch_cr3:
	SWITCH_TO_USER_CR3 scratch_reg=%rdi scratch_reg2=%rax
iret_exit_user_cr3:
	popq	%rax
	popq	%rdi
	jmp	.Lswapgs_and_iret

restore_regs_and_return_to_kernel:
#if DEBUG_ENTRY
	/* It is the kernel to which this returns. */
	testb	$3, CS(%rsp)
	jz	.Lreturns_to_kernel
	ud2
.Lreturns_to_kernel:
#endif
	POP_REGS
	/* The error code, or its substitute. */
	addq	$8, %rsp

native_iret:
.Lnative_iret:
	testb	$4, SS-RIP(%rsp)
	jnz	native_irq_return_ldt

native_irq_return_iret:
	/* error_entry fixes up a fault here; it knows this address. */
	iretq

native_irq_return_ldt:
	ud2

/* Operand of VERW, in entry text so that it is mapped under both CR3 values. */
mds_verw_sel:
	.word	__KERNEL_DS
	.balign	8

/*
 * Loads a GS selector while the user's GS base is in place. A bad selector faults at .Lgs_change with the user's GS base:
 * the other place in kernel code that error_entry knows.
 */
asm_load_gs_index:
	swapgs
.Lgs_change:
	movl	%edi, %gs
load_gs_index_done:
	swapgs
	ret

load_gs_index_fixup:
	/* error_entry has swapped to the kernel's GS base and the handler came here; a null selector cannot fault. */
	swapgs
	xorl	%eax, %eax
	movl	%eax, %gs
	jmp	load_gs_index_done

	_ASM_EXTABLE(.Lgs_change, load_gs_index_fixup)
