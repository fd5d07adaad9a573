/*
 * The names that Linux gives to handlers in C which end alike here (arch/x86/kernel/traps.c).
 */
	.set	exc_divide_error, exc_unexpected
	.set	exc_overflow, exc_unexpected
	.set	exc_bounds, exc_unexpected
	.set	exc_invalid_op, exc_unexpected
	.set	exc_device_not_available, exc_unexpected
	.set	exc_invalid_tss, exc_unexpected
	.set	exc_segment_not_present, exc_general_protection
	.set	exc_stack_segment, exc_general_protection
	.set	exc_coprocessor_error, exc_unexpected
	.set	exc_alignment_check, exc_unexpected
	.set	exc_simd_coprocessor_error, exc_unexpected
	.set	exc_control_protection, exc_unexpected

/* Of later releases: one handler of #VC, which looks at where it struck. */
.section .text, "ax"
exc_vmm_communication:
	testb	$3, CS(%rdi)
	jnz	user_exc_vmm_communication
	jmp	kernel_exc_vmm_communication

/* What an indirect branch predictor barrier writes; nothing here does (arch/x86/kernel/cpu/bugs.c). */
.section .data, "aw"
x86_pred_cmd:
	.quad	1
