/*
 * Entry of ordinary exceptions and interrupts (arch/x86/entry/entry_64.S, v6.12). CS in the frame separates user from kernel,
 * except at two places in the kernel that run with the user's GS base and, at the first, with the user's CR3.
 *
 * Called with the hardware frame, an error code and a return address on the stack; returns in RAX the pt_regs to use.
 */
.section .entry.text, "ax"

error_entry:
	PUSH_AND_CLEAR_REGS save_ret=1
	testb	$3, CS+8(%rsp)
	jz	.Lerror_kernelspace

error_entry_from_user:
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
error_entry_kernel_cr3:
	leaq	8(%rsp), %rdi
	/* From the entry stack to the thread stack. */
	jmp	sync_regs

error_entry_from_kernel:
.Lerror_kernelspace:
	leaq	native_irq_return_iret(%rip), %rcx
	cmpq	%rcx, RIP+8(%rsp)
	je	.Lerror_bad_iret
	/* An IRET that had begun to return to 32-bit code may leave RIP cut to 32 bits. */
	movl	%ecx, %eax
	cmpq	%rax, RIP+8(%rsp)
	je	.Lbstep_iret
	cmpq	$.Lgs_change, RIP+8(%rsp)
	jne	.Lerror_entry_done_lfence
	swapgs
.Lerror_entry_done_lfence:
	/* CR3 and GS base are the kernel's: nothing to switch. */
	FENCE_SWAPGS_KERNEL_ENTRY
	leaq	8(%rsp), %rax
	ret

.Lbstep_iret:
	movq	%rcx, RIP+8(%rsp)

error_entry_bad_iret:
.Lerror_bad_iret:
	/* The user's GS base and CR3 were loaded for the return that failed. Make it look like a fault of the user. */
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
error_entry_bad_iret_kernel_cr3:
	leaq	8(%rsp), %rdi
	call	fixup_bad_iret
	movq	%rax, %rdi
	jmp	sync_regs
