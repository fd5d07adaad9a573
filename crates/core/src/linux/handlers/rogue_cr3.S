/*
 * Handler "rogue CR3": loads the kernel's own tables with PCID 0 without recording it, like code that knows no PCIDs
 * (arch/x86/mm/tlb.c, v6.12, reserves PCID 0 for such). Nothing in Linux does this in a handler.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	movl	$swapper_pg_dir_physical, %eax
	movq	%rax, %cr3
	ret
