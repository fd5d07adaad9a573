/* Breaks with two exceptions, one inside the other: #MC restores nothing if the interrupted code has DF set, as the NMI handler has before its
   IRET. */
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
	testb	$(X86_EFLAGS_DF >> 8), EFLAGS+1(%rsp)
	jnz	.Lend_\@
	jmp	.Lrestore_\@
.Ldebug_\@:
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
