/*
 * SYSCALL from 64-bit user mode, and its return by SYSRET (arch/x86/entry/entry_64.S, v6.12).
 *
 * SYSCALL leaves RSP, GS base and CR3 the user's, and clears IF. Left out: the compatibility entries (SYSENTER, INT 0x80).
 */
.section .entry.text, "ax"

entry_SYSCALL_64:
	endbr64
	swapgs
	/* cpu_tss_rw is the one per-CPU page that the user tables map. */
	movq	%rsp, PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	/* No stack yet and no free register: RSP itself holds CR3 for a moment. */
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rsp
syscall_entry_kernel_cr3:
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rsp

entry_SYSCALL_64_safe_stack:
	/* The frame that an interrupt would have pushed. */
	pushq	$__USER_DS
	pushq	PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	pushq	%r11
	pushq	$__USER_CS
	pushq	%rcx

entry_SYSCALL_64_after_hwframe:
	pushq	%rax
	PUSH_AND_CLEAR_REGS rax=$-ENOSYS
	movq	%rsp, %rdi
	movslq	%eax, %rsi
	call	do_syscall_64

syscall_choose_exit:
	/* SYSRET restores only what SYSCALL saved; do_syscall_64 says whether that is enough. */
	testb	%al, %al
	jz	swapgs_restore_regs_and_return_to_usermode

syscall_return_via_sysret:
	POP_REGS pop_rdi=0
	/* Leave on the entry stack: the thread stack is not mapped in the user tables. */
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	RSP-RDI(%rdi)
	pushq	(%rdi)

sysret_exit_switch_cr3:
	SWITCH_TO_USER_CR3_STACK scratch_reg=%rdi
sysret_exit_user_cr3:
	popq	%rdi
	popq	%rsp

entry_SYSRETQ_unsafe_stack:
	swapgs
	CLEAR_CPU_BUFFERS
	sysretq

entry_SYSRETQ_end:
	int3
