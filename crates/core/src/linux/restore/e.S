/*
 * Form E: PARANOID_RESTORE_CR3 as merged for v6.9; form D, proposed in review, is the same code.
 *
 * Commit bb998361999e79bc87dae1ebe0f5bf317f632585 (Lai Jiangshan, 24 January 2024), arch/x86/entry/calling.h; unchanged in v6.18.
 */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI

	/* Handlers on this path leave the kernel CR3 alone: if it was the kernel's, there is nothing to restore. */
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lend_\@

	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID

	/* Take the pending flush of the user PCID, if there is one. */
	movq	\save_reg, \scratch_reg
	andq	$(0x7FF), \scratch_reg
	btr	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jc	.Lwrcr3_\@

	SET_NOFLUSH_BIT \save_reg

.Lwrcr3_\@:
	movq	\save_reg, %cr3
.Lend_\@:
.endm
