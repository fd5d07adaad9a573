/*
 * The C side of exceptions that enter through the paranoid path (arch/x86/kernel/nmi.c, traps.c, cpu/mce/core.c, v6.12, cut down
 * to what changes processor state). Each calls the chosen modelled_handler.
 */
.section .text, "ax"

/* irqentry_nmi_enter: from here to NMI_EXIT in_nmi() holds, and nothing may schedule. */
.macro NMI_ENTER
	addl	$NMI_ENTER_OFFSET, PER_CPU_VAR(pcpu_hot + X86_preempt_count)
.endm

.macro NMI_EXIT
	subl	$NMI_ENTER_OFFSET, PER_CPU_VAR(pcpu_hot + X86_preempt_count)
.endm

/* local_db_save: RAX = what was enabled in DR7, and none is. Breakpoints cannot nest into these handlers. */
.macro LOCAL_DB_SAVE
	movq	%db7, %rax
	andq	$(~0x400), %rax
	jz	.Lnone_\@
	xorl	%edx, %edx
	movq	%rdx, %db7
.Lnone_\@:
.endm

/* RAX = as LOCAL_DB_SAVE returned. */
.macro LOCAL_DB_RESTORE
	testq	%rax, %rax
	jz	.Lnone_\@
	movq	%rax, %db7
.Lnone_\@:
.endm

/* RDI = pt_regs. An NMI that nests is latched in nmi_state and handled by another round of the loop. */
exc_nmi:
#if SEV_ES_NMI_COMPLETE
	/*
	 * sev_es_nmi_complete: the guest asks the hypervisor, by VMGEXIT, to let the next NMI in (arch/x86/kernel/sev.c, since v5.10). Here an
	 * IRET to the next instruction does what the hypervisor does.
	 */
	movq	%rsp, %rax
	pushq	$__KERNEL_DS
	pushq	%rax
	pushfq
	pushq	$__KERNEL_CS
	pushq	$exc_nmi_completed
	iretq
exc_nmi_completed:
#endif
	cmpl	$NMI_NOT_RUNNING, PER_CPU_VAR(nmi_state)
	jne	exc_nmi_latch
	pushq	%rbx
	movq	%rdi, %rbx
	movl	$NMI_EXECUTING, PER_CPU_VAR(nmi_state)
	/* A page fault in the handler must not change what an interrupted page fault has yet to read. */
	movq	%cr2, %rax
	movq	%rax, PER_CPU_VAR(nmi_cr2)

nmi_restart:
	LOCAL_DB_SAVE
	movq	%rax, PER_CPU_VAR(nmi_dr7)
	NMI_ENTER
	incq	PER_CPU_VAR(nmi_count)
	movq	%rbx, %rdi
	call	modelled_handler
	NMI_EXIT
	movq	PER_CPU_VAR(nmi_dr7), %rax
	LOCAL_DB_RESTORE

exc_nmi_restore_cr2:
	movq	%cr2, %rax
	movq	PER_CPU_VAR(nmi_cr2), %rdx
	cmpq	%rax, %rdx
	je	.Lcr2_unchanged
	movq	%rdx, %cr2
.Lcr2_unchanged:
	decl	PER_CPU_VAR(nmi_state)
	jnz	nmi_restart
	popq	%rbx
	ret

exc_nmi_latch:
	movl	$NMI_LATCHED, PER_CPU_VAR(nmi_state)
	ret

/* debug_read_reset_dr6: R13 = why, with the reserved bits cleared. */
.macro DEBUG_READ_RESET_DR6
	movq	%db6, %r13
	movl	$DR6_RESERVED, %eax
	movq	%rax, %db6
	xorq	%rax, %r13
.endm

/* RDI = pt_regs. #DB that interrupted the kernel. */
exc_debug:
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	movq	%rdi, %rbx
	DEBUG_READ_RESET_DR6
	LOCAL_DB_SAVE
	movq	%rax, %r12
	NMI_ENTER
	movq	%rbx, %rdi
	call	modelled_handler
	NMI_EXIT
	movq	%r12, %rax
	LOCAL_DB_RESTORE
	testl	$DR_STEP, %r13d
	jz	.Lnot_single_step
	/* Nobody asked to step through the kernel: stop it. */
	andq	$(~X86_EFLAGS_TF), EFLAGS(%rbx)
.Lnot_single_step:
	popq	%r13
	popq	%r12
	popq	%rbx
	ret

/* #DB that interrupted user mode, on the thread stack. */
noist_exc_debug:
	pushq	%r13
	DEBUG_READ_RESET_DR6
	call	modelled_handler
	popq	%r13
	ret

/* RDI = pt_regs. #MC that interrupted the kernel. */
exc_machine_check:
	pushq	%rbx
	pushq	%r12
	movq	%rdi, %rbx
	LOCAL_DB_SAVE
	movq	%rax, %r12
	NMI_ENTER
	movq	%rbx, %rdi
	call	do_machine_check
	NMI_EXIT
	movq	%r12, %rax
	LOCAL_DB_RESTORE
	popq	%r12
	popq	%rbx
	ret

/* #MC that interrupted user mode, on the thread stack. */
noist_exc_machine_check:
	call	do_machine_check
	ret

do_machine_check:
	/* Until MCIP is cleared a second machine check shuts the processor down. */
	movl	$MSR_IA32_MCG_STATUS, %ecx
	rdmsr
	call	modelled_handler
do_machine_check_clear_mcip:
	movl	$MSR_IA32_MCG_STATUS, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	ret

/* RDI = pt_regs, RSI = error code: the exit code that the hypervisor is asked to emulate. */
kernel_exc_vmm_communication:
	pushq	%rbx
	NMI_ENTER
	call	modelled_handler
	NMI_EXIT
	popq	%rbx
	ret

user_exc_vmm_communication:
	call	modelled_handler
	ret

/* RSI = address, kept. EAX = the kind of stack it lies on (arch/x86/kernel/dumpstack_64.c, get_stack_info). Keeps RDI and R8. */
get_stack_info:
	movabsq	$thread_stack, %rcx
	movl	$STACK_TYPE_TASK, %eax
	movq	%rsi, %rdx
	subq	%rcx, %rdx
	cmpq	$THREAD_SIZE, %rdx
	jb	.Lget_stack_info_done
	movabsq	$exception_stacks, %rcx
	movl	$STACK_TYPE_EXCEPTION, %eax
	movq	%rsi, %rdx
	subq	%rcx, %rdx
	cmpq	$EXCEPTION_STACKS_SIZE, %rdx
	jb	get_stack_info_guard
	movabsq	$entry_stack, %rcx
	movl	$STACK_TYPE_ENTRY, %eax
	movq	%rsi, %rdx
	subq	%rcx, %rdx
	cmpq	$4096, %rdx
	jb	.Lget_stack_info_done
.Lget_stack_info_unknown:
	xorl	%eax, %eax
.Lget_stack_info_done:
	ret

/* Each exception stack has a page below it that is not mapped (in_exception_stack). */
get_stack_info_guard:
	cmpq	$EXCEPTION_STACK_STRIDE, %rdx
	jb	.Lget_stack_info_which
	subq	$EXCEPTION_STACK_STRIDE, %rdx
	jmp	get_stack_info_guard
.Lget_stack_info_which:
	cmpq	$(EXCEPTION_STACK_STRIDE - EXCEPTION_STKSZ), %rdx
	jb	.Lget_stack_info_unknown
	ret

/*
 * RDI = pt_regs. Where the #VC handler goes on: RAX = a copy of pt_regs on the interrupted stack, or on the thread stack if the
 * interrupted RSP may be the user's, or on the fall-back stack if it is on no stack that is safe to grow
 * (arch/x86/kernel/traps.c, vc_switch_off_ist).
 */
vc_switch_off_ist:
	movq	RIP(%rdi), %rdx
	/* ip_within_syscall_gap */
	leaq	entry_SYSCALL_64(%rip), %rcx
	cmpq	%rcx, %rdx
	jb	.Lvc_not_entry_gap
	leaq	entry_SYSCALL_64_safe_stack(%rip), %rcx
	cmpq	%rcx, %rdx
	jb	.Lvc_thread_stack
.Lvc_not_entry_gap:
	leaq	entry_SYSRETQ_unsafe_stack(%rip), %rcx
	cmpq	%rcx, %rdx
	jb	.Lvc_trusted_rsp
	leaq	entry_SYSRETQ_end(%rip), %rcx
	cmpq	%rcx, %rdx
	jae	.Lvc_trusted_rsp
.Lvc_thread_stack:
	movq	PER_CPU_VAR(pcpu_hot + X86_top_of_stack), %rax
	jmp	.Lvc_copy

.Lvc_trusted_rsp:
	/* Thread stack and exception stacks are safe; the entry stack and what is no stack are not. */
	movq	RSP(%rdi), %rsi
	call	get_stack_info
	cmpl	$STACK_TYPE_ENTRY, %eax
	movabsq	$vc2_stack_top, %rax
	jbe	.Lvc_copy
	movq	%rsi, %rax
.Lvc_copy:
	andq	$-8, %rax
	subq	$SIZEOF_PTREGS, %rax
	movq	%rdi, %rsi
	movq	%rax, %rdi
	movl	$(SIZEOF_PTREGS / 8), %ecx
	rep movsq
	ret

/*
 * RDI = pt_regs. Linux dies of a double fault. Here the first one at an address returns, so that an injected #DF shows the exit
 * path, and a second at the same address stops: a real double fault comes back at once.
 */
exc_double_fault:
	pushq	%rbx
	movq	%rdi, %rbx
	movq	RIP(%rbx), %rax
	cmpq	%rax, PER_CPU_VAR(double_fault_rip)
	je	kernel_panic
	movq	%rax, PER_CPU_VAR(double_fault_rip)
	NMI_ENTER
	call	modelled_handler
	NMI_EXIT
	popq	%rbx
	ret
