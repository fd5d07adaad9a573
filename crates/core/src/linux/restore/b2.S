/*
 * Form B2: always flush the user CR3, never write the kernel's.
 *
 * Lai Jiangshan, patch 2/2 of 26 May 2020, 20200526043507.51977-3-laijs@linux.alibaba.com, on top of 1/2. Not merged. Reads no
 * per-CPU data; a pending bit stays set and costs one more flush at the next return to user mode.
 */
.macro RESTORE_CR3 save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI

	/* Kernel CR3 was kernel CR3 on entry and still is. */
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lend_\@

	/* A user CR3 in kernel mode is rare; bit 63 is clear, so this flushes. */
	movq	\save_reg, %cr3
.Lend_\@:
.endm
