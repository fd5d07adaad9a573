# Breaks in two ways with two: the second #DB clobbers RBX, which user mode soon uses, and the second #MC touches a page that is not
# there, three hundred instructions later. So the better counterexample to `mapped` is a #DB, although that is found for `regs` first.
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	# The stacks of the two differ in these bits.
	bt	$12, %rsp
	jnc	.Ldebug_\@
	bt	$13, %rsp
	jc	.Lmachine_check_\@
	jmp	.Lrestore_\@
.Ldebug_\@:
	incq	PER_CPU_VAR(timer_ticks)
	cmpq	$2, PER_CPU_VAR(timer_ticks)
	jne	.Lrestore_\@
	movq	$0, RBX(%rsp)
	jmp	.Lrestore_\@
.Lmachine_check_\@:
	incq	PER_CPU_VAR(perf_samples)
	cmpq	$2, PER_CPU_VAR(perf_samples)
	jne	.Lrestore_\@
	.rept	300
	nop
	.endr
	xorl	%ecx, %ecx
	movq	(%rcx), %rcx
.Lrestore_\@:
	bt	$PTI_USER_PGTABLE_BIT, \save_reg
	jnc	.Lend_\@
	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID
	movq	\save_reg, \scratch_reg
	andq	$(0x7FF), \scratch_reg
	btr	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jc	.Lwrcr3_\@
	bts	$X86_CR3_PCID_NOFLUSH_BIT, \save_reg
.Lwrcr3_\@:
	movq	\save_reg, %cr3
.Lend_\@:
.endm
