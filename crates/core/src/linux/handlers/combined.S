/*
 * Several handlers: each is called in turn, as a vector with several users calls them (arch/x86/kernel/nmi.c, nmi_handle, v6.12). Their
 * texts precede this one, each with its modelled_handler under another name; MODELLED_HANDLERS lists these names.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	pushq	%rbx
	movq	%rdi, %rbx
.irp handler, MODELLED_HANDLERS
	movq	%rbx, %rdi
	call	\handler
.endr
	popq	%rbx
	ret
