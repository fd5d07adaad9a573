/*
 * Address spaces on this CPU: which ASID an mm gets, switching to it, flushing it (arch/x86/mm/tlb.c and asm/tlbflush.h, v6.12).
 *
 * Left out, as nothing here depends on them: the mask of CPUs that run an mm (there is one CPU), LAM, local descriptor tables,
 * mitigations between tasks, and the check of CONFIG_DEBUG_VM that CR3 is what the records say.
 */
.section .text, "ax"

/*
 * RDI = mm, RSI = generation of its translations. EAX = ASID, EDX = 1 if what is cached under it must go. Keeps RDI and RSI.
 */
choose_new_asid:
	/* Without PCIDs there is one address space in the TLB at a time. */
	ALTERNATIVE "jmp .Lchoose_new_asid_no_pcid", "", X86_FEATURE_PCID
	cmpb	$0, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_invalidate_other)
	je	choose_new_asid_search
	call	clear_asid_other
choose_new_asid_search:
	movq	MM_ctx_id(%rdi), %rcx
	xorl	%eax, %eax
	xorl	%r8d, %r8d
choose_new_asid_loop:
	cmpq	%rcx, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs)(%r8)
	je	choose_new_asid_found
	addl	$TLB_CONTEXT_SIZE, %r8d
	incl	%eax
	cmpl	$TLB_NR_DYN_ASIDS, %eax
	jb	choose_new_asid_loop
choose_new_asid_round_robin:
	/* Nobody looks whether the slot is that of the mm that is loaded. */
	movzwl	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_next_asid), %eax
	incw	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_next_asid)
	cmpl	$TLB_NR_DYN_ASIDS, %eax
	jb	.Lchoose_new_asid_flush
	movw	$1, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_next_asid)
.Lchoose_new_asid_no_pcid:
	xorl	%eax, %eax
.Lchoose_new_asid_flush:
	movl	$1, %edx
	ret
choose_new_asid_found:
	xorl	%edx, %edx
	cmpq	%rsi, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs + 8)(%r8)
	setb	%dl
	ret

/* What is cached under the other ASIDs is stale: no mm may find its slot again. Keeps RDI and RSI. */
clear_asid_other:
	movzwl	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm_asid), %ecx
	xorl	%eax, %eax
	xorl	%r8d, %r8d
clear_asid_other_loop:
	cmpl	%ecx, %eax
	je	.Lclear_asid_other_next
	movq	$0, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs)(%r8)
.Lclear_asid_other_next:
	addl	$TLB_CONTEXT_SIZE, %r8d
	incl	%eax
	cmpl	$TLB_NR_DYN_ASIDS, %eax
	jb	clear_asid_other_loop
	movb	$0, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_invalidate_other)
	ret

/* RDI = pgd, ESI = ASID, EDX = 1 to flush. The user half of the ASID is flushed when user mode is next entered. */
load_new_mm_cr3:
	/* build_cr3: physical address of the tables, PCID of the kernel half. */
	movabsq	$page_offset_base, %rcx
	subq	%rcx, %rdi
	ALTERNATIVE "jmp load_new_mm_cr3_write", "", X86_FEATURE_PCID
	leal	1(%rsi), %ecx
	orq	%rcx, %rdi
	testl	%edx, %edx
	jz	.Lload_new_mm_cr3_noflush
	ALTERNATIVE "jmp load_new_mm_cr3_write", "", X86_FEATURE_PTI
	movl	%esi, %eax
	call	invalidate_user_asid
	jmp	load_new_mm_cr3_write
.Lload_new_mm_cr3_noflush:
	bts	$X86_CR3_PCID_NOFLUSH_BIT, %rdi
load_new_mm_cr3_write:
	movq	%rdi, %cr3
	ret

/* RDI = mm. Interrupts are off. */
switch_mm_irqs_off:
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	movq	%rdi, %rbx
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm), %r12
	movzwl	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm_asid), %r13d
	movzbl	PER_CPU_VAR(cpu_tlbstate_shared), %eax
	testl	%eax, %eax
	jz	.Lswitch_mm_was_not_lazy
	movb	$0, PER_CPU_VAR(cpu_tlbstate_shared)
.Lswitch_mm_was_not_lazy:
	cmpq	%rbx, %r12
	jne	switch_mm_choose

switch_mm_same:
	/* While lazy this CPU heard of no changes to the tables. */
	testl	%eax, %eax
	jz	switch_mm_done
	movl	%r13d, %ecx
	shll	$4, %ecx
	movq	MM_tlb_gen(%rbx), %rsi
	cmpq	%rsi, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs + 8)(%rcx)
	je	switch_mm_done
	movl	$1, %edx
	jmp	switch_mm_record

switch_mm_choose:
#if EARLY_SWITCHING
	movq	$LOADED_MM_SWITCHING, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
#endif
	movq	MM_tlb_gen(%rbx), %rsi
	call	choose_new_asid
switch_mm_chosen:
	movl	%eax, %r13d
#if !EARLY_SWITCHING
	/* From here to the end CR3 and the records disagree; nmi_uaccess_okay looks at this. */
	movq	$LOADED_MM_SWITCHING, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
#endif
switch_mm_switching:
	testl	%edx, %edx
	jz	switch_mm_load

switch_mm_record:
	movl	%r13d, %ecx
	shll	$4, %ecx
	movq	MM_ctx_id(%rbx), %r8
	movq	%r8, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs)(%rcx)
	movq	%rsi, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_ctxs + 8)(%rcx)

switch_mm_load:
	movq	MM_pgd(%rbx), %rdi
	movl	%r13d, %esi
	call	load_new_mm_cr3
switch_mm_cr3_loaded:
	movq	%rbx, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
switch_mm_between_records:
	/* At this one boundary the records have the new mm and the ASID of the old one. */
	movw	%r13w, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm_asid)
switch_mm_done:
	popq	%r13
	popq	%r12
	popq	%rbx
	ret

/* A kernel thread runs on the tables of the task before it. */
enter_lazy_tlb:
	leaq	init_mm(%rip), %rax
	cmpq	%rax, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
	je	.Lenter_lazy_tlb_done
	movb	$1, PER_CPU_VAR(cpu_tlbstate_shared)
.Lenter_lazy_tlb_done:
	ret

/* Ends laziness: the tables of the task before may go away. */
leave_mm:
	leaq	init_mm(%rip), %rdi
	cmpq	%rdi, PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm)
	je	.Lleave_mm_done
	pushfq
	cli
	call	switch_mm_irqs_off
	popfq
.Lleave_mm_done:
	ret

/*
 * RDI = mm. RAX = the mm that was loaded. Interrupts are off (arch/x86/kernel/alternative.c, v6.12). Breakpoints are not disabled here:
 * its callers in this model have done so.
 */
use_temporary_mm:
	pushq	%rbx
	pushq	%rdi
	cmpb	$0, PER_CPU_VAR(cpu_tlbstate_shared)
	je	.Luse_temporary_mm_not_lazy
	call	leave_mm
.Luse_temporary_mm_not_lazy:
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm), %rbx
	popq	%rdi
	call	switch_mm_irqs_off
	movq	%rbx, %rax
	popq	%rbx
	ret

/* RDI = as use_temporary_mm returned. */
unuse_temporary_mm:
	jmp	switch_mm_irqs_off

/* Everything that is not global, of the mm that is loaded; its user half when user mode is next entered. */
native_flush_tlb_local:
	ALTERNATIVE "jmp native_flush_tlb_local_write", "", X86_FEATURE_PTI
	movzwl	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm_asid), %eax
	call	invalidate_user_asid
native_flush_tlb_local_write:
	/* Bit 63 reads as 0. */
	movq	%cr3, %rax
	movq	%rax, %cr3
	ret

/* Everything. */
native_flush_tlb_global:
	ALTERNATIVE "jmp native_flush_tlb_global_cr4", "", X86_FEATURE_INVPCID
	/* INVPCID type 2: all PCIDs and global translations. */
	pushq	$0
	pushq	$0
	movl	$2, %eax
	invpcid	(%rsp), %rax
	addq	$16, %rsp
	ret
native_flush_tlb_global_cr4:
	pushfq
	cli
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_cr4), %rax
	movq	%rax, %rcx
	xorq	$X86_CR4_PGE, %rcx
	movq	%rcx, %cr4
	movq	%rax, %cr4
	popfq
	ret
