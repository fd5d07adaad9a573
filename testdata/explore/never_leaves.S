/* Breaks without any exception: the exit to user mode leaves the kernel's tables loaded. */
.macro SWITCH_TO_USER_CR3 scratch_reg:req scratch_reg2:req
	mov	%cr3, \scratch_reg
.endm

.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	movq	\save_reg, %cr3
.Lend_\@:
.endm
