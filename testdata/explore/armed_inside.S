/* Keeps every promise: it arms a breakpoint in the handler of #MC. RF counts from there on, as it was before an NMI struck. */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	bt	$12, %rsp
	jnc	.Ldb_\@
	bt	$13, %rsp
	jc	.Lmc_\@
.Lnmi_\@:
	jmp	.Lrestore_\@
.Lmc_\@:
	movl $2,%ecx
	movq %rcx,%db7
	jmp	.Lrestore_\@
.Ldb_\@:

.Lrestore_\@:
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lend_\@
	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID
	movq	\save_reg, \scratch_reg
	andq	$(0x7FF), \scratch_reg
	btr	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jc	.Lwrcr3_\@
	SET_NOFLUSH_BIT \save_reg
.Lwrcr3_\@:
	movq	\save_reg, %cr3
.Lend_\@:
.endm
