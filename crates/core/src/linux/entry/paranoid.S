/*
 * Entry and exit for exceptions that may strike anywhere in the kernel, with either CR3 and either GS base
 * (arch/x86/entry/entry_64.S, v6.12). They run on their own IST stack and never look at CS to learn what is loaded.
 *
 * Kept across the handler: R14 = CR3 of the interrupted code, RBX = its GS base (FSGSBASE) or 1 if it was the kernel's.
 */
.section .entry.text, "ax"

paranoid_entry:
	PUSH_AND_CLEAR_REGS save_ret=1

paranoid_entry_save_cr3:
	SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg=%rax save_reg=%r14

paranoid_entry_kernel_cr3:
	ALTERNATIVE "jmp .Lparanoid_entry_checkgs", "", X86_FEATURE_FSGSBASE
	/* The user can choose any GS base, so its value means nothing: save it and set the kernel's. */
	SAVE_AND_SET_GSBASE scratch_reg=%rax save_reg=%rbx
	jmp	.Lparanoid_gsbase_done

paranoid_entry_checkgs:
.Lparanoid_entry_checkgs:
	/* Without FSGSBASE the user's GS base is never negative, the kernel's always is. */
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
	ret

paranoid_exit:
	/* Before the GS base goes: the macro may need the mask of this CPU. */
	PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14

paranoid_exit_cr3_restored:
	ALTERNATIVE "jmp .Lparanoid_exit_checkgs", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	restore_regs_and_return_to_kernel

paranoid_exit_checkgs:
.Lparanoid_exit_checkgs:
	testl	%ebx, %ebx
	jnz	restore_regs_and_return_to_kernel
	swapgs
	jmp	restore_regs_and_return_to_kernel
