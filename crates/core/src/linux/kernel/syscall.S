/*
 * System calls (arch/x86/entry/common.c, do_syscall_64, v6.12, cut down) and the kernel's own work.
 */
.section .text, "ax"

/* RDI = pt_regs, RSI = number. AL = 1 if SYSRET may return from it. */
do_syscall_64:
	pushq	%rbx
	movq	%rdi, %rbx
	sti
	cmpq	$__NR_write, %rsi
	je	.Lcall_write
	cmpq	$__NR_rt_sigreturn, %rsi
	je	.Lcall_rt_sigreturn
	cmpq	$__NR_exit, %rsi
	je	run_end
	/* Entry has put -ENOSYS into pt_regs. */
	jmp	syscall_exit_to_user_mode
.Lcall_write:
	call	sys_write
	movq	%rax, RAX(%rbx)
	jmp	syscall_exit_to_user_mode
.Lcall_rt_sigreturn:
	call	sys_rt_sigreturn

syscall_exit_to_user_mode:
	cli
	/* SYSRET loads RIP from RCX, flags from R11 and fixed selectors; it faults in kernel mode if RIP is not canonical. */
	xorl	%eax, %eax
	movq	RCX(%rbx), %rcx
	cmpq	RIP(%rbx), %rcx
	jne	.Lno_sysret
	movq	R11(%rbx), %rdx
	cmpq	EFLAGS(%rbx), %rdx
	jne	.Lno_sysret
	cmpq	$__USER_CS, CS(%rbx)
	jne	.Lno_sysret
	cmpq	$__USER_DS, SS(%rbx)
	jne	.Lno_sysret
	movabsq	$TASK_SIZE_MAX, %rdx
	cmpq	%rdx, %rcx
	jae	.Lno_sysret
	testq	$(X86_EFLAGS_RF | X86_EFLAGS_TF), EFLAGS(%rbx)
	jnz	.Lno_sysret
	movb	$1, %al
.Lno_sysret:
	popq	%rbx
	ret

/* RBX = pt_regs; RSI of the user = buffer. Reads one word of it, then works on pages of the kernel. RAX = result. */
sys_write:
	movq	RSI(%rbx), %rsi
	call	get_user
	testq	%rax, %rax
	js	.Lsys_write_done
	movq	%rdx, %rax
	/* A probe in kernel text: #BP from kernel mode. */
kernel_probe:
	int3
	movabsq	$kernel_buffer, %rdi
	movl	$KERNEL_LOOP_PAGES, %ecx
kernel_loop:
	/* Plain kernel code with interrupts on: kernel CR3, kernel GS base, thread stack. */
	movq	(%rdi), %rdx
	addq	%rax, %rdx
	movq	%rdx, 8(%rdi)
	addq	$4096, %rdi
	decl	%ecx
	jnz	kernel_loop
kernel_loop_end:
	movl	$8, %eax
.Lsys_write_done:
	ret

/* RBX = pt_regs. Continues at the address on top of the user's stack: RIP is then not what SYSCALL saved, so the exit is IRET. */
sys_rt_sigreturn:
	movq	RSP(%rbx), %rsi
	call	get_user
	testq	%rax, %rax
	js	task_killed
	movq	%rdx, RIP(%rbx)
	ret

/* RSI = user address. RDX = the word there and RAX = 0, or RAX = -EFAULT. */
get_user:
	stac
get_user_read:
	movq	(%rsi), %rdx
	clac
	xorl	%eax, %eax
	ret

get_user_fixup:
	clac
	movq	$-EFAULT, %rax
	ret
