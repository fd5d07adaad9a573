/*
 * Handler "quiet": an exception that needs nothing done, the common case.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	ret
