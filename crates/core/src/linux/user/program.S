/*
 * The user program: touches its pages, enters the kernel in every ordinary way, ends.
 *
 * Its start is a state, not code: RSP at the top of its stack, GS base at its thread block.
 */
.section .user.text, "ax"

user_start:
	movq	$USER_DATA, %rbx
	movl	$2, %ebp

user_loop:
	/* Each page of data, and the stack. */
	movq	(%rbx), %rax
	incq	%rax
	movq	%rax, 4096(%rbx)
	addq	%rax, 8192(%rbx)
	pushq	%rax
	popq	%rcx
	/* The user's GS base. */
	movq	%gs:8, %rdx

user_write:
	/* Returns by SYSRET. */
	movl	$__NR_write, %eax
	movl	$1, %edi
	movq	%rbx, %rsi
	movl	$8, %edx
	syscall
user_write_done:
	movq	%rax, 16(%rbx)

user_breakpoint:
	/* Returns by IRET. */
	int3
user_breakpoint_done:
	incq	24(%rbx)

user_fault:
	/* A page that is not present the first time. */
	movq	%rax, 3*4096(%rbx)
user_fault_done:
	decl	%ebp
	jnz	user_loop

user_bad_buffer:
	/* The kernel faults on this buffer and fixes it up: -EFAULT. */
	movl	$__NR_write, %eax
	movl	$1, %edi
	leaq	4*4096(%rbx), %rsi
	movl	$8, %edx
	syscall
	movq	%rax, 32(%rbx)

user_sigreturn:
	/* A system call that returns by IRET, to the address on the stack. */
	leaq	user_sigreturn_done(%rip), %rax
	pushq	%rax
	movl	$__NR_rt_sigreturn, %eax
	syscall
	ud2
user_sigreturn_done:
	popq	%rax

user_touch_again:
	/* What is still cached of the pages touched before? */
	movq	(%rbx), %rax
	addq	4096(%rbx), %rax
	addq	8192(%rbx), %rax
	addq	3*4096(%rbx), %rax
	movq	%rax, 40(%rbx)

user_exit:
	movl	$__NR_exit, %eax
	xorl	%edi, %edi
	syscall
	ud2
