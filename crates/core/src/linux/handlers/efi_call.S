/*
 * Handler "EFI call": calls a service of the firmware on tables that no record names, and goes back, as the kernel did until it had an
 * mm for them (arch/x86/include/asm/efi.h, arch_efi_call_virt_setup, v4.14). Their top-level table was one page, so bit 12 of its address
 * could be set, as it is here; since v4.15 it is allocated as a pair (arch/x86/platform/efi/efi_64.c, efi_alloc_page_tables). Linux
 * makes no such call in an NMI; here it stands for any kernel code that runs on such tables.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	movq	%cr3, %rax
	movl	$efi_pgd_physical, %edx
	movq	%rdx, %cr3
efi_service:
	movabsq	$kernel_buffer, %rdx
	movq	(%rdx), %rcx
efi_service_done:
	movq	%rax, %cr3
	ret
