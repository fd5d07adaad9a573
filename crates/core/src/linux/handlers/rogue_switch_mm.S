/*
 * Handler "rogue switch_mm": a proper switch to init_mm that nobody undoes. Nothing in Linux does this in a handler.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	leaq	init_mm(%rip), %rdi
	jmp	switch_mm_irqs_off
