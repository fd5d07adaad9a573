/*
 * Handler "pending flush": reads a firmware error record through a fixmap page, as APEI does in an NMI
 * (drivers/acpi/apei/ghes.c, ghes_copy_tofrom_phys; arch/x86/mm/tlb.c, flush_tlb_one_kernel; v6.12). Mapping and unmapping flush
 * one kernel page; where INVPCID is missing the flush of the user PCID is left pending in user_pcid_flush_mask.
 *
 * Contexts that can interrupt each other need different pages. APEI has FIX_APEI_GHES_IRQ and FIX_APEI_GHES_NMI, and ghes_in_nmi
 * lets one NMI read records at a time. Linux reads none in a #DB, #MC, #VC or #DF, but this handler does. It therefore takes a page
 * by in_nmi(), the number of such contexts that are active: an index for each level, as kmap_local has (mm/highmem.c,
 * kmap_local_idx_push).
 */
.section .data, "aw"

/* Linear address and last-level entry of the page for each value of in_nmi(). */
ghes_pages:
.irp active, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.quad	fixmap_ghes_irq - (\active << PAGE_SHIFT), fixmap_ghes_irq_pte - (\active * 8)
.endr

.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	pushq	%rbx
	/* in_nmi(), times the 16 bytes of an element: bits 23:20 of the count are bits 7:4 of its third byte. */
	movzbl	PER_CPU_VAR(pcpu_hot + X86_preempt_count + 2), %eax
	andl	$(NMI_MASK >> 16), %eax
	leaq	ghes_pages(%rax), %rbx
	/* ghes_map */
	movq	8(%rbx), %rdx
	movabsq	$GHES_PTE, %rax
	movq	%rax, (%rdx)
	movq	(%rbx), %rdi
	call	flush_tlb_one_kernel
	/* Copy the record out. */
ghes_copy_from_phys:
	movq	(%rbx), %rax
	movq	(%rax), %rax
	movabsq	$ghes_copy, %rdx
	movq	%rax, (%rdx)
	/* ghes_unmap: clear_fixmap */
	movq	8(%rbx), %rdx
	movq	$0, (%rdx)
	movq	(%rbx), %rdi
	call	flush_tlb_one_kernel
	popq	%rbx
	ret
