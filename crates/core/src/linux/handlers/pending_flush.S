/*
 * Handler "pending flush": reads a firmware error record through a fixmap page, as APEI does in an NMI
 * (drivers/acpi/apei/ghes.c, ghes_copy_tofrom_phys; arch/x86/mm/tlb.c, flush_tlb_one_kernel; v6.12). Mapping and unmapping flush
 * one kernel page; where INVPCID is missing the flush of the user PCID is left pending in user_pcid_flush_mask.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	pushq	%rbx
	movq	$fixmap_ghes_nmi, %rbx
	/* ghes_map */
	movabsq	$GHES_PTE, %rax
	movq	%rax, fixmap_ghes_pte
	movq	%rbx, %rdi
	call	flush_tlb_one_kernel
	/* Copy the record out. */
	movq	(%rbx), %rax
	movabsq	$ghes_copy, %rdx
	movq	%rax, (%rdx)
	/* ghes_unmap: clear_fixmap */
	movq	$0, fixmap_ghes_pte
	movq	%rbx, %rdi
	call	flush_tlb_one_kernel
	popq	%rbx
	ret
