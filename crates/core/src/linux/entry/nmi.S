/*
 * NMI (arch/x86/entry/entry_64.S, v6.12, asm_exc_nmi).
 *
 * The processor blocks NMIs until the next IRET, but an exception inside the handler executes one. A second NMI then
 * starts at the top of the same IST stack and overwrites the first one's frame. So the first NMI keeps its frame three
 * times, in 8-byte slots down from the top T of the stack:
 *
 *	T-40  .. T-8	original	as the processor pushed it; the next NMI overwrites it
 *	T-48		RDX		scratch
 *	T-56		executing	1 while a first NMI is in progress
 *	T-96  .. T-64	iret		where the return goes: to the interrupted code, or to repeat_nmi if an NMI nested
 *	T-136 .. T-104	outermost	the frame of the first NMI; the hardware part of its pt_regs
 *
 * DEBUG_ENTRY stands for CONFIG_DEBUG_ENTRY, which unblocks NMIs as soon as the frame is copied.
 */
.section .entry.text, "ax"

asm_exc_nmi:
	endbr64
	clac
	cld
	/* The one scratch register. */
	pushq	%rdx
	testb	$3, CS-RIP+8(%rsp)
	jz	.Lnmi_from_kernel

nmi_from_user:
	/* An NMI that nests now starts afresh on the IST stack, so leave it for the thread stack. */
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rdx
nmi_from_user_kernel_cr3:
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

nmi_from_kernel:
.Lnmi_from_kernel:
	/* 1. Struck while a first NMI copies frames: it will copy again, nothing to add. */
	movq	$repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	1f
	movq	$end_repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	nested_nmi_out
1:
	/* 2. A first NMI is in progress. */
	cmpl	$1, -8(%rsp)
	je	nested_nmi
	/*
	 * 3. Struck on the NMI stack with "executing" clear: between its clearing and the IRET of a first NMI, unless
	 * the RSP is a value that the user chose, which is possible only before SYSCALL entry has loaded a stack. DF
	 * distinguishes them: the first NMI sets it before it clears "executing", SYSCALL clears it.
	 */
	leaq	6*8(%rsp), %rdx
	cmpq	%rdx, 4*8(%rsp)
	ja	first_nmi
	subq	$EXCEPTION_STKSZ, %rdx
	cmpq	%rdx, 4*8(%rsp)
	jb	first_nmi
	testb	$(X86_EFLAGS_DF >> 8), (3*8 + 1)(%rsp)
	jz	first_nmi

nested_nmi:
	/* Make the first NMI return to repeat_nmi. Neither CR3 nor GS base matters: both halves map this stack. */
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
	/* executing = 0, for now */
	pushq	$0
	/* the iret frame, for now empty */
	subq	$(5*8), %rsp
	/* original to outermost */
	.rept	5
	pushq	11*8(%rsp)
	.endr
#if DEBUG_ENTRY
	/* An IRET to repeat_nmi, with the stack as it is. A null SS is good at CPL 0. */
	pushq	$0
	pushq	%rsp
	addq	$8, (%rsp)
	pushfq
	pushq	$__KERNEL_CS
	pushq	$repeat_nmi
	iretq
#endif

repeat_nmi:
	/* From here to end_repeat_nmi a nested NMI returns at once: the iret frame is being written. */
	movq	$1, 10*8(%rsp)
	/* outermost to iret */
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

nmi_exit:
	PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14

nmi_exit_cr3_restored:
	ALTERNATIVE "jmp nmi_no_fsgsbase", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	nmi_restore

nmi_no_fsgsbase:
	testl	%ebx, %ebx
	jnz	nmi_restore
	swapgs

nmi_restore:
	POP_REGS
	/* Past orig_ax and the outermost frame, to the iret frame. */
	addq	$(6*8), %rsp
	/* Order matters: see test 3 above. IRET restores DF. */
	std
	movq	$0, 5*8(%rsp)

nmi_iret:
	iretq
