/*
 * Until v5.14 entry code hands the number of a system call over first, then pt_regs; commit 3e5e7f7736b0 turned them round.
 */
do_syscall_64_number_first:
	xchgq	%rdi, %rsi
	jmp	do_syscall_64
