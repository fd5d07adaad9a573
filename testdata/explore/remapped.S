/* Keeps every promise: #DB maps another page and flushes; how many instructions #MC takes depends on what the page holds. */
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
	/* Only if the interrupted code has the user's stack pointer: in the SYSCALL gap. There no #DB is at work. */
	movq	RSP(%rsp), %rdx
	testq	%rdx, %rdx
	js	.Lrestore_\@
	movabsq	$perf_ring, %rdx
	cmpq	$0, (%rdx)
	je	.Lrestore_\@
	nop
	nop
	jmp	.Lrestore_\@
.Ldebug_\@:
	/* The entry of perf_ring in its last table, through the direct map; from now on it names the page of the user's text. */
	movabsq	$0xffff88800010e0b0, %rcx
	movabsq	$0x8000000003000063, %rdx
	movq	%rdx, (%rcx)
	movabsq	$perf_ring, %rdx
	invlpg	(%rdx)
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
