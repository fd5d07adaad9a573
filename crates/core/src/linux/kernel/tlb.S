/*
 * Flushing one page on this CPU (arch/x86/mm/tlb.c and asm/tlbflush.h, v6.12).
 */
.section .text, "ax"

/* RDI = linear address. */
flush_tlb_one_kernel:
	call	flush_tlb_one_user
	ALTERNATIVE "jmp .Lflush_one_kernel_done", "", X86_FEATURE_PTI
	/* The same page may be cached under the PCIDs of the other ASIDs: flush them when they are loaded. */
	movb	$1, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_invalidate_other)
.Lflush_one_kernel_done:
	ret

/* RDI = linear address. The kernel's own PCID by INVLPG; the user's now if INVPCID can, otherwise later. */
flush_tlb_one_user:
	invlpg	(%rdi)
	ALTERNATIVE "ret", "", X86_FEATURE_PTI
	movzwl	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm_asid), %eax
	ALTERNATIVE "jmp invalidate_user_asid", "", X86_FEATURE_INVPCID_SINGLE
	/* INVPCID type 0: one address under one PCID. The descriptor is PCID, then address. */
	leal	1+PTI_USER_PCID_MASK(%rax), %eax
	pushq	%rdi
	pushq	%rax
	xorl	%ecx, %ecx
	invpcid	(%rsp), %rcx
	addq	$16, %rsp
	ret

/* EAX = ASID. Asks for a flush of its user PCID before user mode runs under it. */
invalidate_user_asid:
	/* Without PCIDs the write to CR3 on the way out flushes anyway. */
	ALTERNATIVE "ret", "", X86_FEATURE_PCID
	incl	%eax
	btsq	%rax, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_user_pcid_flush_mask)
	ret
