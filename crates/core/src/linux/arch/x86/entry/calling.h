/*
 * Macros of the entry code: saving registers, switching CR3, finding the GS base.
 *
 * The instructions are those of arch/x86/entry/calling.h, v6.12; text and comments are ours. Left out, as no processor
 * state of this machine depends on them: IBRS_ENTER and IBRS_EXIT, UNTRAIN_RET, CALL_DEPTH_ACCOUNT, STACKLEAK, unwind hints.
 */

/* struct pt_regs (asm/ptrace.h): what every entry leaves on the stack, lowest address first. */
#define R15		0
#define R14		8
#define R13		16
#define R12		24
#define RBP		32
#define RBX		40
#define R11		48
#define R10		56
#define R9		64
#define R8		72
#define RAX		80
#define RCX		88
#define RDX		96
#define RSI		104
#define RDI		112
#define ORIG_RAX	120
#define RIP		128
#define CS		136
#define EFLAGS		144
#define RSP		152
#define SS		160
#define SIZEOF_PTREGS	168

#define PTI_USER_PGTABLE_BIT		12
#define PTI_USER_PGTABLE_MASK		0x1000
#define PTI_USER_PCID_BIT		11
#define PTI_USER_PCID_MASK		0x800
#define PTI_USER_PGTABLE_AND_PCID_MASK	0x1800
#define X86_CR3_PCID_NOFLUSH_BIT	63

/* One bit per kernel PCID: flush the matching user PCID before user mode runs under it again. */
#define THIS_CPU_user_pcid_flush_mask	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_user_pcid_flush_mask)

/* The pt_regs below the hardware frame. save_ret: a return address lies on top, swap it below what is pushed. */
.macro PUSH_REGS rdx=%rdx rax=%rax save_ret=0
	.if \save_ret
	pushq	%rsi
	movq	8(%rsp), %rsi
	movq	%rdi, 8(%rsp)
	.else
	pushq	%rdi
	pushq	%rsi
	.endif
	pushq	\rdx
	pushq	%rcx
	pushq	\rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.if \save_ret
	pushq	%rsi
	.endif
.endm

/* No value of the interrupted program reaches the kernel's speculation. */
.macro CLEAR_REGS
	xorl	%esi, %esi
	xorl	%edx, %edx
	xorl	%ecx, %ecx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
.endm

.macro PUSH_AND_CLEAR_REGS rdx=%rdx rax=%rax save_ret=0
	PUSH_REGS rdx=\rdx, rax=\rax, save_ret=\save_ret
	CLEAR_REGS
.endm

.macro POP_REGS pop_rdi=1
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	.if \pop_rdi
	popq	%rdi
	.endif
.endm

/* With PCIDs: this write to CR3 keeps the translations of the PCID it loads. */
.macro SET_NOFLUSH_BIT reg:req
	bts	$X86_CR3_PCID_NOFLUSH_BIT, \reg
.endm

/* From whatever half reg names to the kernel's. The kernel flushes its own PCID explicitly, so no flush here. */
.macro ADJUST_KERNEL_CR3 reg:req
	ALTERNATIVE "", "SET_NOFLUSH_BIT \reg", X86_FEATURE_PCID
	andq	$(~PTI_USER_PGTABLE_AND_PCID_MASK), \reg
.endm

/* Harmless when CR3 is the kernel's already. Needs no stack and no GS base. */
.macro SWITCH_TO_KERNEL_CR3 scratch_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	mov	%cr3, \scratch_reg
	ADJUST_KERNEL_CR3 \scratch_reg
	mov	\scratch_reg, %cr3
.Lend_\@:
.endm

/*
 * Needs the kernel's GS base and CR3 up to its last instruction: the mask is not mapped in the user tables.
 * The low eleven bits of CR3 are the kernel PCID whichever half is loaded.
 */
.macro SWITCH_TO_USER_CR3 scratch_reg:req scratch_reg2:req
	mov	%cr3, \scratch_reg
	ALTERNATIVE "jmp .Lwrcr3_\@", "", X86_FEATURE_PCID
	movq	\scratch_reg, \scratch_reg2
	andq	$(0x7FF), \scratch_reg
	bt	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	jnc	.Lnoflush_\@
	btr	\scratch_reg, THIS_CPU_user_pcid_flush_mask
	movq	\scratch_reg2, \scratch_reg
	jmp	.Lwrcr3_pcid_\@
.Lnoflush_\@:
	movq	\scratch_reg2, \scratch_reg
	SET_NOFLUSH_BIT \scratch_reg
.Lwrcr3_pcid_\@:
	orq	$(PTI_USER_PCID_MASK), \scratch_reg
.Lwrcr3_\@:
	orq	$(PTI_USER_PGTABLE_MASK), \scratch_reg
	mov	\scratch_reg, %cr3
.endm

/* The stack must be mapped in both halves. */
.macro SWITCH_TO_USER_CR3_STACK scratch_reg:req
	ALTERNATIVE "jmp .Lend_\@", "", X86_FEATURE_PTI
	pushq	%rax
	SWITCH_TO_USER_CR3 scratch_reg=\scratch_reg scratch_reg2=%rax
	popq	%rax
.Lend_\@:
.endm

/* Paranoid entry: CR3 may be of either half. It is written only if it is the user's; save_reg keeps what it was. */
.macro SAVE_AND_SWITCH_TO_KERNEL_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Ldone_\@", "", X86_FEATURE_PTI
	mov	%cr3, \scratch_reg
	movq	\scratch_reg, \save_reg
	bt	$PTI_USER_PGTABLE_BIT, \scratch_reg
	jnc	.Ldone_\@
	ADJUST_KERNEL_CR3 \scratch_reg
	mov	\scratch_reg, %cr3
.Ldone_\@:
.endm

/* The CPU number is in the limit of a descriptor, so it needs neither GS base nor memory of this CPU. */
.macro GET_PERCPU_BASE reg:req
	movq	$__CPUNODE_SEG, \reg
	lsl	\reg, \reg
	andq	$VDSO_CPUNODE_MASK, \reg
	movq	__per_cpu_offset(, \reg, 8), \reg
.endm

.macro SAVE_AND_SET_GSBASE scratch_reg:req save_reg:req
	rdgsbase	\save_reg
	GET_PERCPU_BASE	\scratch_reg
	wrgsbase	\scratch_reg
.endm

/* Speculation must not pass a swapgs, taken or not. */
.macro FENCE_SWAPGS_USER_ENTRY
	ALTERNATIVE "", "lfence", X86_FEATURE_FENCE_SWAPGS_USER
.endm

.macro FENCE_SWAPGS_KERNEL_ENTRY
	ALTERNATIVE "", "lfence", X86_FEATURE_FENCE_SWAPGS_KERNEL
.endm

/* The operand lies in entry text: it is read under the user CR3. */
.macro CLEAR_CPU_BUFFERS
	ALTERNATIVE "", "verw mds_verw_sel(%rip)", X86_FEATURE_CLEAR_CPU_BUF
.endm
