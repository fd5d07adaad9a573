/*
 * Changing a byte of kernel text, which is mapped read-only (arch/x86/kernel/alternative.c, __text_poke, v6.12): through a mapping that
 * only poking_mm has, with interrupts off.
 */
.section .text, "ax"

/* RDI = address in kernel text, SIL = the byte. */
text_poke:
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushfq
	cli
	movq	%rdi, %rbx
	movl	%esi, %r12d
	/* set_pte_at: the page that holds it, writable. */
	movq	$__START_KERNEL_map, %rax
	subq	%rax, %rdi
	andq	$-4096, %rdi
	movabsq	$POKING_PTE_BITS, %rax
	orq	%rdi, %rax
	movabsq	$poking_pte, %rdx
	movq	%rax, (%rdx)
	leaq	poking_mm(%rip), %rdi
	call	use_temporary_mm
	movq	%rax, %r13

text_poke_write:
	movl	%ebx, %ecx
	andl	$4095, %ecx
	movabsq	$poking_addr, %rdx
	movb	%r12b, (%rdx, %rcx)
	/* pte_clear, and back, before anybody hears of it: only this CPU can have cached it. */
	movabsq	$poking_pte, %rdx
	movq	$0, (%rdx)
	movq	%r13, %rdi
	call	unuse_temporary_mm

text_poke_flush:
	/* flush_tlb_mm_range: poking_mm is no longer loaded, so its next user flushes. */
	leaq	poking_mm(%rip), %rdi
	incq	MM_tlb_gen(%rdi)
	popfq
	popq	%r13
	popq	%r12
	popq	%rbx
	ret
