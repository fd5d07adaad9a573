/*
 * Form C: skip the kernel CR3, otherwise as form A.
 *
 * Lai Jiangshan, resent by Brendan Jackman on 17 August 2023, "[PATCH RESEND] x86/entry: Don't write to CR3 when restoring to
 * kernel CR3", 20230817121513.1382800-1-jackmanb@google.com; except for comments the same as Lai's 1/2 of 26 May 2020. Not merged in
 * this form.
 */
.macro RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI

	/* Kernel CR3 was kernel CR3 on entry and still is. */
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lend_\@

	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID

	/* Is a flush pending for the user PCID to which this returns? */
	movq	\save_reg, \scratch_reg
	andq	$(0x7FF), \scratch_reg
	bt	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jnc	.Lnoflush_\@

	btr	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jmp	.Lwrcr3_\@

.Lnoflush_\@:
	SET_NOFLUSH_BIT \save_reg

.Lwrcr3_\@:
	movq	\save_reg, %cr3
.Lend_\@:
.endm
