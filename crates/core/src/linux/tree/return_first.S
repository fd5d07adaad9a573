/*
 * Until v5.19 error_entry is on the stack that it leaves: its return address lies below pt_regs, and moves with them (struct bad_iret_stack of
 * arch/x86/kernel/traps.c; commit 520a7e822484 moved the switch to its callers).
 */
fixup_bad_iret_return_first:
	pushq	(%rdi)
	addq	$8, %rdi
	call	fixup_bad_iret
	popq	%rdx
	subq	$8, %rax
	movq	%rdx, (%rax)
	ret
