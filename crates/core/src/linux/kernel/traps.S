/*
 * The C side of ordinary exceptions and of the timer interrupt (arch/x86/kernel/traps.c, arch/x86/mm/fault.c, v6.12, cut down).
 */
.section .text, "ax"

/* RDI = pt_regs on the entry stack. RAX = pt_regs at the top of the thread stack. */
sync_regs:
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rax
	subq	$SIZEOF_PTREGS, %rax
	cmpq	%rax, %rdi
	je	.Lsync_regs_done
	movq	%rdi, %rsi
	movq	%rax, %rdi
	movl	$(SIZEOF_PTREGS / 8), %ecx
	rep movsq
.Lsync_regs_done:
	ret

/*
 * RDI = pt_regs of a fault at native_irq_return_iret. RAX = pt_regs at the top of the entry stack, as if the user code to which
 * the IRET was to return had faulted: registers from the fault, frame from where the IRET read it.
 */
fixup_bad_iret:
	pushq	%rbx
	subq	$SIZEOF_PTREGS, %rsp
	movq	%rdi, %rbx
	/* Through a copy: the areas may overlap. */
	movq	%rbx, %rsi
	movq	%rsp, %rdi
	movl	$(RIP / 8), %ecx
	rep movsq
	movq	RSP(%rbx), %rsi
	movl	$5, %ecx
	rep movsq
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rax
	subq	$SIZEOF_PTREGS, %rax
	movq	%rsp, %rsi
	movq	%rax, %rdi
	movl	$(SIZEOF_PTREGS / 8), %ecx
	rep movsq
	addq	$SIZEOF_PTREGS, %rsp
	popq	%rbx
	ret

sysvec_apic_timer_interrupt:
	incq	PER_CPU_VAR(timer_ticks)
	ret

exc_int3:
	incq	PER_CPU_VAR(breakpoint_hits)
	ret

/* RDI = pt_regs. From user a fatal signal; from kernel the exception table or the end. */
exc_general_protection:
exc_unexpected:
	testb	$3, CS(%rdi)
	jnz	task_killed
	call	fixup_exception
	testb	%al, %al
	jz	kernel_panic
	ret

/* RDI = pt_regs, RSI = error code. */
exc_page_fault:
	pushq	%rbx
	movq	%rdi, %rbx
	movq	%cr2, %rdi
	/* A handler that must not sleep takes no page in: faulthandler_disabled. */
	testl	$NMI_MASK, PER_CPU_VAR(pcpu_hot + X86_preempt_count)
	jnz	bad_area
	call	find_vma
	testb	%al, %al
	jz	bad_area
	call	handle_mm_fault
	testb	%al, %al
	jz	bad_area
	popq	%rbx
	ret

bad_area:
	testb	$3, CS(%rbx)
	jnz	task_killed
	movq	%rbx, %rdi
	call	fixup_exception
	testb	%al, %al
	jz	kernel_panic
	popq	%rbx
	ret

/* RDI = address. AL = 1 if the task has memory there. Keeps RDI. */
find_vma:
	leaq	vmas(%rip), %rsi
	xorl	%eax, %eax
find_vma_loop:
	cmpq	$0, 8(%rsi)
	je	.Lfind_vma_done
	cmpq	(%rsi), %rdi
	jb	.Lfind_vma_next
	cmpq	8(%rsi), %rdi
	jb	.Lfind_vma_found
.Lfind_vma_next:
	addq	$16, %rsi
	jmp	find_vma_loop
.Lfind_vma_found:
	movb	$1, %al
.Lfind_vma_done:
	ret

/*
 * RDI = address in the task's memory. Makes its page present if it is not: the entry holds the frame already. AL = 0 if
 * there is no table for it. Nothing to flush: absence is never cached.
 */
handle_mm_fault:
	movq	user_mm+MM_pgd(%rip), %rsi
	movabsq	$PTE_PFN_MASK, %r8
	movabsq	$page_offset_base, %r9
	movl	$39, %ecx
handle_mm_fault_walk:
	movq	%rdi, %rax
	shrq	%cl, %rax
	andl	$511, %eax
	leaq	(%rsi, %rax, 8), %rdx
	cmpl	$12, %ecx
	je	handle_pte_fault
	movq	(%rdx), %rsi
	movl	%esi, %eax
	andl	$1, %eax
	jz	.Lhandle_mm_fault_done
	andq	%r8, %rsi
	addq	%r9, %rsi
	subl	$9, %ecx
	jmp	handle_mm_fault_walk
handle_pte_fault:
	testb	$1, (%rdx)
	jnz	.Lspurious_fault
	orq	$1, (%rdx)
.Lspurious_fault:
	movl	$1, %eax
.Lhandle_mm_fault_done:
	ret

/* RDI = pt_regs. AL = 1 if the faulting instruction is in the exception table; RIP is then its fixup. */
fixup_exception:
	leaq	__start___ex_table(%rip), %rsi
	movq	RIP(%rdi), %rdx
	xorl	%eax, %eax
fixup_exception_loop:
	movq	(%rsi), %rcx
	testq	%rcx, %rcx
	jz	.Lfixup_exception_done
	cmpq	%rcx, %rdx
	je	.Lfixup_exception_found
	addq	$16, %rsi
	jmp	fixup_exception_loop
.Lfixup_exception_found:
	movq	8(%rsi), %rcx
	movq	%rcx, RIP(%rdi)
	movb	$1, %al
.Lfixup_exception_done:
	ret

/* Ends of a run: by exit, by a fatal signal, by an exception that the kernel cannot handle. */
run_end:
	cli
	hlt
	jmp	run_end

task_killed:
	cli
	hlt
	jmp	task_killed

kernel_panic:
	cli
	hlt
	jmp	kernel_panic
