/* Breaks with three exceptions, one inside the other: an NMI clears a word while #MC has its mark set. Mostly the word is zero anyway, and
   #MC only copies it; a #DB that has set it before sees that it was cleared. */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	/* Bits 13 and 12 of RSP: 00 on the #DB stack, 01 on the NMI stack, 11 on the #MC stack. */
	bt	$12, %rsp
	jnc	.Ldebug_\@
	bt	$13, %rsp
	jc	.Lmachine_check_\@
.Lnmi_\@:
	cmpl	$1, PER_CPU_VAR(timer_ticks)
	jne	.Lrestore_\@
	movl	$0, PER_CPU_VAR(perf_samples)
	jmp	.Lrestore_\@
.Lmachine_check_\@:
	movl	$1, PER_CPU_VAR(timer_ticks)
	movl	PER_CPU_VAR(perf_samples), %edx
	movl	%edx, PER_CPU_VAR(breakpoint_hits)
	movl	$0, PER_CPU_VAR(timer_ticks)
	jmp	.Lrestore_\@
.Ldebug_\@:
	movl	$0, PER_CPU_VAR(timer_ticks)
	movl	$7, PER_CPU_VAR(perf_samples)
	nop
	cmpl	$0, PER_CPU_VAR(perf_samples)
	je	.Lend_\@
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
