/*
 * The addresses in the IDT: one stub per vector (arch/x86/entry/entry_64.S and asm/idtentry.h, v6.12).
 */
.section .entry.text, "ax"

/* Call the handler on the stack that error_entry chooses. */
.macro idtentry_body cfunc:req has_error_code:req
	call	error_entry
	movq	%rax, %rsp
	movq	%rsp, %rdi
	.if \has_error_code
	movq	ORIG_RAX(%rsp), %rsi
	/* No system call to restart. */
	movq	$-1, ORIG_RAX(%rsp)
	.endif
	call	\cfunc
	jmp	error_return
.endm

.macro idtentry asmsym:req cfunc:req has_error_code:req
\asmsym:
	endbr64
	clac
	cld
	.if \has_error_code == 0
	pushq	$-1
	.endif
	idtentry_body \cfunc, \has_error_code
.endm

/* #DB and #MC: from kernel on the IST stack through the paranoid path, from user on the thread stack. */
.macro idtentry_mce_db asmsym:req cfunc:req
\asmsym:
	endbr64
	clac
	cld
	pushq	$-1
	testb	$3, CS-ORIG_RAX(%rsp)
	jnz	.Lfrom_usermode_switch_stack_\@
	call	paranoid_entry
	movq	%rsp, %rdi
	call	\cfunc
	jmp	paranoid_exit
.Lfrom_usermode_switch_stack_\@:
	idtentry_body noist_\cfunc, 0
.endm

	idtentry asm_exc_divide_error		exc_unexpected		0
	idtentry asm_exc_overflow		exc_unexpected		0
	idtentry asm_exc_bounds			exc_unexpected		0
	idtentry asm_exc_invalid_op		exc_unexpected		0
	idtentry asm_exc_device_not_available	exc_unexpected		0
	idtentry asm_exc_invalid_tss		exc_unexpected		1
	idtentry asm_exc_segment_not_present	exc_general_protection	1
	idtentry asm_exc_stack_segment		exc_general_protection	1
	idtentry asm_exc_general_protection	exc_general_protection	1
	idtentry asm_exc_page_fault		exc_page_fault		1
	idtentry asm_exc_coprocessor_error	exc_unexpected		0
	idtentry asm_exc_alignment_check	exc_unexpected		1
	idtentry asm_exc_simd_coprocessor_error	exc_unexpected		0
	idtentry asm_exc_control_protection	exc_unexpected		1
	idtentry asm_sysvec_apic_timer_interrupt sysvec_apic_timer_interrupt 0

/* From kernel a gap of six words, so that a handler may emulate a call. */
asm_exc_int3:
	endbr64
	clac
	cld
	pushq	$-1
	testb	$3, CS-ORIG_RAX(%rsp)
	jnz	.Lint3_from_usermode_no_gap
	.rept	6
	pushq	5*8(%rsp)
	.endr
.Lint3_from_usermode_no_gap:
	idtentry_body exc_int3, 0

	idtentry_mce_db asm_exc_debug		exc_debug
	idtentry_mce_db asm_exc_machine_check	exc_machine_check

/*
 * #VC, of guests whose state is encrypted. From kernel it leaves its IST stack once registers are saved, so that a second
 * #VC has a free stack; it then returns on the stack it moved to.
 */
asm_exc_vmm_communication:
	endbr64
	clac
	cld
	testb	$3, CS-ORIG_RAX(%rsp)
	jnz	.Lvc_from_usermode
	call	paranoid_entry
	movq	%rsp, %rdi
	call	vc_switch_off_ist
	movq	%rax, %rsp
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	movq	%rsp, %rdi
	call	kernel_exc_vmm_communication
	jmp	paranoid_exit
.Lvc_from_usermode:
	idtentry_body user_exc_vmm_communication, 1

/* #DF: paranoid whatever CS says. */
asm_exc_double_fault:
	endbr64
	clac
	cld
	call	paranoid_entry
	movq	%rsp, %rdi
	movq	ORIG_RAX(%rsp), %rsi
	movq	$-1, ORIG_RAX(%rsp)
	call	exc_double_fault
	jmp	paranoid_exit
