/*
 * Handler "perf": a sample of the interrupted context, as perf takes one in an NMI (kernel/events/callchain.c and
 * arch/x86/events/core.c, v6.12, cut down). Reads the kernel stack and the user stack, writes a record to a ring buffer.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	pushq	%rbx
	movq	%rdi, %rbx
	incq	PER_CPU_VAR(perf_samples)
	movabsq	$perf_ring, %r8
	movq	RIP(%rbx), %rax
	movq	%rax, (%r8)
	testb	$3, CS(%rbx)
	jnz	perf_callchain_user

perf_callchain_kernel:
	/* In the SYSCALL gap RSP is still the user's or holds CR3: then there is no kernel stack to read. */
	movq	RSP(%rbx), %rsi
	andq	$-8, %rsi
	call	get_stack_info
	testl	%eax, %eax
	jz	perf_task_regs
	movq	(%rsi), %rax
	movq	%rax, 8(%r8)
perf_task_regs:
	/* The user's registers at the last entry, at the top of the thread stack. */
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rbx
	subq	$SIZEOF_PTREGS, %rbx

perf_callchain_user:
	/* nmi_uaccess_okay: not while the address space is being switched. */
	movq	PER_CPU_VAR(pcpu_hot + X86_current_task), %rax
	movq	TASK_mm(%rax), %rax
	cmpq	%rax, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
	jne	perf_done
	movq	RSP(%rbx), %rsi
	movabsq	$TASK_SIZE_MAX, %rax
	cmpq	%rax, %rsi
	jae	perf_done
	/* copy_from_user_nmi: a page that is absent ends the callchain. */
	stac
perf_read_user:
	movq	(%rsi), %rax
	clac
	movq	%rax, 16(%r8)
perf_done:
	popq	%rbx
	ret

perf_read_user_fixup:
	clac
	jmp	perf_done

.section __ex_table, "a"
	.quad	perf_read_user, perf_read_user_fixup
