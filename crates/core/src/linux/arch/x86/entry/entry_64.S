/*
 * Entry and exit of the kernel: SYSCALL, exceptions, interrupts, NMI.
 *
 * The instructions are those of arch/x86/entry/entry_64.S, v6.12, in its order; text and comments are ours. Left out: the compatibility entries
 * (SYSENTER, INT 0x80), kernel threads, and what no processor state of this machine depends on (see calling.h).
 */
.section .entry.text, "ax"

/*
 * SYSCALL from 64-bit user mode, and its return by SYSRET. SYSCALL leaves RSP, GS base and CR3 the user's, and clears IF.
 */
entry_SYSCALL_64:
	endbr64
	swapgs
	/* cpu_tss_rw is the one per-CPU page that the user tables map. */
	movq	%rsp, PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	/* No stack yet and no free register: RSP itself holds CR3 for a moment. */
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rsp
syscall_entry_kernel_cr3:
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rsp

entry_SYSCALL_64_safe_stack:
	/* The frame that an interrupt would have pushed. */
	pushq	$__USER_DS
	pushq	PER_CPU_VAR(cpu_tss_rw + TSS_sp2)
	pushq	%r11
	pushq	$__USER_CS
	pushq	%rcx

entry_SYSCALL_64_after_hwframe:
	pushq	%rax
	PUSH_AND_CLEAR_REGS rax=$-ENOSYS
	movq	%rsp, %rdi
	movslq	%eax, %rsi
	call	do_syscall_64

syscall_choose_exit:
	/* SYSRET restores only what SYSCALL saved; do_syscall_64 says whether that is enough. */
	testb	%al, %al
	jz	swapgs_restore_regs_and_return_to_usermode

syscall_return_via_sysret:
	POP_REGS pop_rdi=0
	/* Leave on the entry stack: the thread stack is not mapped in the user tables. */
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	RSP-RDI(%rdi)
	pushq	(%rdi)

sysret_exit_switch_cr3:
	SWITCH_TO_USER_CR3_STACK scratch_reg=%rdi
sysret_exit_user_cr3:
	popq	%rdi
	popq	%rsp

entry_SYSRETQ_unsafe_stack:
	swapgs
	CLEAR_CPU_BUFFERS
	sysretq

entry_SYSRETQ_end:
	int3

/*
 * The addresses in the IDT: one stub per vector (asm/idtentry.h).
 */

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

/*
 * Returns by IRET, to user and to kernel.
 *
 * Left out: the espfix path. No segment of a local descriptor table exists here, so the test for it never branches.
 */
swapgs_restore_regs_and_return_to_usermode:
	ALTERNATIVE "", "jmp .Lpti_restore_regs_and_return_to_usermode", X86_FEATURE_PTI
	POP_REGS
	addq	$8, %rsp

iret_exit_swapgs:
.Lswapgs_and_iret:
	swapgs
	CLEAR_CPU_BUFFERS
	/* Every path to here returns to user mode. */
	testb	$3, 8(%rsp)
	jnz	.Lnative_iret
	ud2

iret_exit_trampoline:
.Lpti_restore_regs_and_return_to_usermode:
	POP_REGS pop_rdi=0
	/* The frame moves from the thread stack to the entry stack, which both halves map. */
	movq	%rsp, %rdi
	movq	PER_CPU_VAR(cpu_tss_rw + TSS_sp0), %rsp
	pushq	SS-RDI(%rdi)
	pushq	RSP-RDI(%rdi)
	pushq	EFLAGS-RDI(%rdi)
	pushq	CS-RDI(%rdi)
	pushq	RIP-RDI(%rdi)
	pushq	(%rdi)
	pushq	%rax

iret_exit_switch_cr3:
	SWITCH_TO_USER_CR3 scratch_reg=%rdi scratch_reg2=%rax
iret_exit_user_cr3:
	popq	%rax
	popq	%rdi
	jmp	.Lswapgs_and_iret

restore_regs_and_return_to_kernel:
#if DEBUG_ENTRY
	/* It is the kernel to which this returns. */
	testb	$3, CS(%rsp)
	jz	.Lreturns_to_kernel
	ud2
.Lreturns_to_kernel:
#endif
	POP_REGS
	/* The error code, or its substitute. */
	addq	$8, %rsp

native_iret:
.Lnative_iret:
	testb	$4, SS-RIP(%rsp)
	jnz	native_irq_return_ldt

native_irq_return_iret:
	/* error_entry fixes up a fault here; it knows this address. */
	iretq

native_irq_return_ldt:
	ud2

/* Operand of VERW (arch/x86/entry/entry.S), in entry text so that it is mapped under both CR3 values. */
mds_verw_sel:
	.word	__KERNEL_DS
	.balign	8

/*
 * Loads a GS selector while the user's GS base is in place. A bad selector faults at .Lgs_change with the user's GS base:
 * the other place in kernel code that error_entry knows.
 */
asm_load_gs_index:
	swapgs
.Lgs_change:
	movl	%edi, %gs
load_gs_index_done:
	swapgs
	ret

load_gs_index_fixup:
	/* error_entry has swapped to the kernel's GS base and the handler came here; a null selector cannot fault. */
	swapgs
	xorl	%eax, %eax
	movl	%eax, %gs
	jmp	load_gs_index_done

	_ASM_EXTABLE(.Lgs_change, load_gs_index_fixup)

/*
 * Entry and exit for exceptions that may strike anywhere in the kernel, with either CR3 and either GS base.
 * They run on their own IST stack and never look at CS to learn what is loaded.
 *
 * Kept across the handler: R14 = CR3 of the interrupted code, RBX = its GS base (FSGSBASE) or 1 if it was the kernel's.
 */
paranoid_entry:
	PUSH_AND_CLEAR_REGS save_ret=1

paranoid_entry_save_cr3:
	SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg=%rax save_reg=%r14

paranoid_entry_kernel_cr3:
	ALTERNATIVE "jmp .Lparanoid_entry_checkgs", "", X86_FEATURE_FSGSBASE
	/* The user can choose any GS base, so its value means nothing: save it and set the kernel's. */
	SAVE_AND_SET_GSBASE scratch_reg=%rax save_reg=%rbx
	jmp	.Lparanoid_gsbase_done

paranoid_entry_checkgs:
.Lparanoid_entry_checkgs:
	/* Without FSGSBASE the user's GS base is never negative, the kernel's always is. */
	movl	$1, %ebx
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	testl	%edx, %edx
	js	.Lparanoid_kernel_gsbase
	xorl	%ebx, %ebx
	swapgs
.Lparanoid_kernel_gsbase:
	FENCE_SWAPGS_KERNEL_ENTRY
.Lparanoid_gsbase_done:
	ret

paranoid_exit:
	/* Before the GS base goes: the macro may need the mask of this CPU. */
	PARANOID_RESTORE_CR3 scratch_reg=%rax save_reg=%r14

paranoid_exit_cr3_restored:
	ALTERNATIVE "jmp .Lparanoid_exit_checkgs", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	restore_regs_and_return_to_kernel

paranoid_exit_checkgs:
.Lparanoid_exit_checkgs:
	testl	%ebx, %ebx
	jnz	restore_regs_and_return_to_kernel
	swapgs
	jmp	restore_regs_and_return_to_kernel

/*
 * Entry of ordinary exceptions and interrupts. CS in the frame separates user from kernel, except at two places in the
 * kernel that run with the user's GS base and, at the first, with the user's CR3.
 *
 * Called with the hardware frame, an error code and a return address on the stack; returns in RAX the pt_regs to use.
 */
error_entry:
	PUSH_AND_CLEAR_REGS save_ret=1
	testb	$3, CS+8(%rsp)
	jz	.Lerror_kernelspace

error_entry_from_user:
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
error_entry_kernel_cr3:
	leaq	8(%rsp), %rdi
	/* From the entry stack to the thread stack. */
	jmp	sync_regs

error_entry_from_kernel:
.Lerror_kernelspace:
	leaq	native_irq_return_iret(%rip), %rcx
	cmpq	%rcx, RIP+8(%rsp)
	je	.Lerror_bad_iret
	/* An IRET that had begun to return to 32-bit code may leave RIP cut to 32 bits. */
	movl	%ecx, %eax
	cmpq	%rax, RIP+8(%rsp)
	je	.Lbstep_iret
	cmpq	$.Lgs_change, RIP+8(%rsp)
	jne	.Lerror_entry_done_lfence
	swapgs
.Lerror_entry_done_lfence:
	/* CR3 and GS base are the kernel's: nothing to switch. */
	FENCE_SWAPGS_KERNEL_ENTRY
	leaq	8(%rsp), %rax
	ret

.Lbstep_iret:
	movq	%rcx, RIP+8(%rsp)

error_entry_bad_iret:
.Lerror_bad_iret:
	/* The user's GS base and CR3 were loaded for the return that failed. Make it look like a fault of the user. */
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rax
error_entry_bad_iret_kernel_cr3:
	leaq	8(%rsp), %rdi
	call	fixup_bad_iret
	movq	%rax, %rdi
	jmp	sync_regs

error_return:
#if DEBUG_ENTRY
	/* Interrupts are off. */
	pushq	%rax
	pushfq
	popq	%rax
	testl	$X86_EFLAGS_IF, %eax
	jz	.Lerror_return_irqs_off
	ud2
.Lerror_return_irqs_off:
	popq	%rax
#endif
	testb	$3, CS(%rsp)
	jz	restore_regs_and_return_to_kernel
	jmp	swapgs_restore_regs_and_return_to_usermode

/*
 * NMI.
 *
 * The processor blocks NMIs until the next IRET, but an exception inside the handler executes one. A second NMI then
 * starts at the top of the same IST stack and overwrites the first one's frame. So the first NMI keeps its frame three
 * times, in 8-byte slots down from the top T of the stack:
 *
 *	T-40  .. T-8	original	as the processor pushed it; the next NMI overwrites it
 *	T-48		RDX		scratch
 *	T-56		executing	1 while a first NMI is in progress
 *	T-96  .. T-64	iret		where the return goes: to the interrupted code, or to repeat_nmi if an NMI nested
 *	T-136 .. T-104	outermost	the frame of the first NMI; the hardware part of its pt_regs
 *
 * DEBUG_ENTRY stands for CONFIG_DEBUG_ENTRY, which unblocks NMIs as soon as the frame is copied.
 */
asm_exc_nmi:
	endbr64
	clac
	cld
	/* The one scratch register. */
	pushq	%rdx
	testb	$3, CS-RIP+8(%rsp)
	jz	.Lnmi_from_kernel

nmi_from_user:
	/* An NMI that nests now starts afresh on the IST stack, so leave it for the thread stack. */
	swapgs
	FENCE_SWAPGS_USER_ENTRY
	SWITCH_TO_KERNEL_CR3 scratch_reg=%rdx
nmi_from_user_kernel_cr3:
	movq	%rsp, %rdx
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rsp
	pushq	5*8(%rdx)
	pushq	4*8(%rdx)
	pushq	3*8(%rdx)
	pushq	2*8(%rdx)
	pushq	1*8(%rdx)
	pushq	$-1
	PUSH_AND_CLEAR_REGS rdx=(%rdx)
	movq	%rsp, %rdi
	call	exc_nmi
	jmp	swapgs_restore_regs_and_return_to_usermode

nmi_from_kernel:
.Lnmi_from_kernel:
	/* 1. Struck while a first NMI copies frames: it will copy again, nothing to add. */
	movq	$repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	1f
	movq	$end_repeat_nmi, %rdx
	cmpq	8(%rsp), %rdx
	ja	nested_nmi_out
1:
	/* 2. A first NMI is in progress. */
	cmpl	$1, -8(%rsp)
	je	nested_nmi
	/*
	 * 3. Struck on the NMI stack with "executing" clear: between its clearing and the IRET of a first NMI, unless
	 * the RSP is a value that the user chose, which is possible only before SYSCALL entry has loaded a stack. DF
	 * distinguishes them: the first NMI sets it before it clears "executing", SYSCALL clears it.
	 */
	leaq	6*8(%rsp), %rdx
	cmpq	%rdx, 4*8(%rsp)
	ja	first_nmi
	subq	$EXCEPTION_STKSZ, %rdx
	cmpq	%rdx, 4*8(%rsp)
	jb	first_nmi
	testb	$(X86_EFLAGS_DF >> 8), (3*8 + 1)(%rsp)
	jz	first_nmi

nested_nmi:
	/* Make the first NMI return to repeat_nmi. Neither CR3 nor GS base matters: both halves map this stack. */
	subq	$8, %rsp
	leaq	-10*8(%rsp), %rdx
	pushq	$__KERNEL_DS
	pushq	%rdx
	pushfq
	pushq	$__KERNEL_CS
	pushq	$repeat_nmi
	addq	$(6*8), %rsp

nested_nmi_out:
	popq	%rdx
	iretq

first_nmi:
	movq	(%rsp), %rdx
	/* executing = 0, for now */
	pushq	$0
	/* the iret frame, for now empty */
	subq	$(5*8), %rsp
	/* original to outermost */
	.rept	5
	pushq	11*8(%rsp)
	.endr
#if DEBUG_ENTRY
	/* An IRET to repeat_nmi, with the stack as it is. A null SS is good at CPL 0. */
	pushq	$0
	pushq	%rsp
	addq	$8, (%rsp)
	pushfq
	pushq	$__KERNEL_CS
	pushq	$repeat_nmi
	iretq
#endif

repeat_nmi:
	/* From here to end_repeat_nmi a nested NMI returns at once: the iret frame is being written. */
	movq	$1, 10*8(%rsp)
	/* outermost to iret */
	addq	$(10*8), %rsp
	.rept	5
	pushq	-6*8(%rsp)
	.endr
	subq	$(5*8), %rsp

end_repeat_nmi:
	pushq	$-1
	call	paranoid_entry
	movq	%rsp, %rdi
	call	exc_nmi

nmi_exit:
	PARANOID_RESTORE_CR3 scratch_reg=%r15 save_reg=%r14

nmi_exit_cr3_restored:
	ALTERNATIVE "jmp nmi_no_fsgsbase", "", X86_FEATURE_FSGSBASE
	wrgsbase	%rbx
	jmp	nmi_restore

nmi_no_fsgsbase:
	testl	%ebx, %ebx
	jnz	nmi_restore
.Lnmi_swapgs:
	swapgs

nmi_restore:
	POP_REGS
	/* Past orig_ax and the outermost frame, to the iret frame. */
	addq	$(6*8), %rsp
	/* Order matters: see test 3 above. IRET restores DF. */
	std
	movq	$0, 5*8(%rsp)

nmi_iret:
	iretq
