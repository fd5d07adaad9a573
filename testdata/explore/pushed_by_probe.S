/* Breaks with two exceptions, one after the other: #MC leaves a mark, and #DB learns of it from the flags that an INT3 pushes. */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	/* Bits 13 and 12 of RSP: 00 on the #DB stack, 01 on the NMI stack, 11 on the #MC stack. */
	bt	$12, %rsp
	jnc	.Ldebug_\@
	bt	$13, %rsp
	jc	.Lmachine_check_\@
.Lnmi_\@:
	jmp	.Lrestore_\@
.Lmachine_check_\@:
	movl	$4, PER_CPU_VAR(perf_samples)
	jmp	.Lrestore_\@
.Ldebug_\@:
	cmpl	$4, PER_CPU_VAR(perf_samples)
	int3
	/* The frame begins at a multiple of 16, eight bytes below pt_regs: SS, RSP, RFLAGS. Bit 6 is ZF. */
	movq	-32(%rsp), %rcx
	bt	$6, %rcx
	jc	.Lend_\@
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
