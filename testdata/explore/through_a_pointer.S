/* Breaks with three exceptions, one after the other: #DB holds a word against one that it loads through a pointer. #MC makes both equal, but
   only if an NMI has left a 1 in the word. */
.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	/* Bits 13 and 12 of RSP: 00 on the #DB stack, 01 on the NMI stack, 11 on the #MC stack. */
	bt	$12, %rsp
	jnc	.Ldebug_\@
	bt	$13, %rsp
	jc	.Lmachine_check_\@
.Lnmi_\@:
	movq	$1, PER_CPU_VAR(perf_samples)
	jmp	.Lrestore_\@
.Lmachine_check_\@:
	cmpq	$1, PER_CPU_VAR(perf_samples)
	jne	.Lrestore_\@
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm), %rdx
	movq	(%rdx), %rdx
	movq	%rdx, PER_CPU_VAR(perf_samples)
	jmp	.Lrestore_\@
.Ldebug_\@:
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_loaded_mm), %rdx
	movq	(%rdx), %rdx
	cmpq	%rdx, PER_CPU_VAR(perf_samples)
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
