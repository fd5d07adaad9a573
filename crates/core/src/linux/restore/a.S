/*
 * Form A: RESTORE_CR3 from December 2017 to v6.8.
 *
 * Commit 21e94459110252 ("x86/mm: Optimize RESTORE_CR3"); arch/x86/entry/calling.h. Writes CR3 on every return, also when it
 * holds the very value that is written.
 */
.macro RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI

	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID

	/* The kernel flushes its own PCID explicitly, so its tables never need a flush here. */
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lnoflush_\@

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
