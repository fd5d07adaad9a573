/*
 * Handler "kgdb poke": a debugger that stopped the kernel sets a breakpoint (arch/x86/kernel/kgdb.c, kgdb_arch_set_breakpoint;
 * arch/x86/kernel/alternative.c, text_poke_kgdb; v6.12). Left out: the direct write that it tries first and that fails, as text is
 * read-only.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	leaq	kgdb_breakpoint(%rip), %rdi
	/* INT3 */
	movl	$0xcc, %esi
	jmp	text_poke

/* What is debugged. Nothing calls it. */
kgdb_breakpoint:
	nop
	ret
