/*
 * Entry code in miniature: the constructs of arch/x86/entry that a person pastes, in text of our own.
 */
#include <linux/linkage.h>
#include <asm/percpu.h>

#define TOP_SHIFT		12
#define USER_HALF_BIT		TOP_SHIFT
#define USER_HALF		_BITUL(USER_HALF_BIT)
#define USER_TAG_BIT		11
#define USER_TAG		(1 << USER_TAG_BIT)
#define BOTH			(USER_TAG | USER_HALF)
#define MASK_HERE \
	PER_CPU_VAR(records + RECORD_mask)
#define FRAME_CS		136
#define FRAME_ORIG		120

records = 0x1000
RECORD_mask = 0x20

.macro KEEP_ENTRIES reg:req
	bts	$63, \reg
.endm

.macro TO_KERNEL_HALF reg:req
	ALTERNATIVE "", "KEEP_ENTRIES \reg", X86_FEATURE_PCID
	/* clears both bits; "quoted" words in comments do no harm */
	andq	$(~BOTH), \reg
.endm

.macro ENTER_KERNEL scratch:req
	ALTERNATIVE "jmp .Ldone_\@", "", X86_FEATURE_PTI
	mov	%cr3, \scratch
	TO_KERNEL_HALF \scratch
	mov	\scratch, %cr3
.Ldone_\@:
.endm

.macro LEAVE_KERNEL first:req second:req
	mov	%cr3, \first
	ALTERNATIVE "jmp .Lwrite_\@", "", X86_FEATURE_PCID
	movq	\first, \second
	andq	$(0x7FF), \first
	btr	\first, MASK_HERE
	jc	.Ltagged_\@
	movq	\second, \first
	KEEP_ENTRIES \first
	jmp	.Ltagged_\@
.Ltagged_\@:
	orq	$(USER_TAG), \first
.Lwrite_\@:
	orq	$(USER_HALF), \first
	mov	\first, %cr3
.endm

.macro SAVE third=%rdx fourth=%rcx result=%rax return=0
	.if \return
	pushq	%rsi		# below the return address
	movq	8(%rsp), %rsi
	movq	%rdi, 8(%rsp)
	.else
	pushq	%rdi
	pushq	%rsi
	.endif
	.irp r, \third, \fourth, \result, %r8, %r9
	pushq	\r
	.endr
.endm

.macro CLEAR regs:vararg
	.irp r, \regs
	xorl	%e\r, %e\r
	.endr
.endm

.macro stub vector name target code:req
SYM_CODE_START(\name)
	.if \vector == 3
	UNWIND_HINT_IRET_ENTRY offset=8
	.else
	UNWIND_HINT_IRET_ENTRY
	.endif
	ENDBR
	cld
	.if \code == 0
	pushq	$-1
	.endif
	.if \vector < 32 && \vector != 2
	testb	$3, FRAME_CS-FRAME_ORIG(%rsp)
	jnz	.Lfrom_user_\@
	.endif
	leaq	8(%rsp), %rdi
	call	\target
	jmp	leave
	.if \vector < 32 && \vector != 2
.Lfrom_user_\@:
	swapgs
	ALTERNATIVE_2 "lfence", "", X86_FEATURE_PTI, __stringify(nop; lfence), X86_FEATURE_FENCE
	jmp	\target
	.endif
SYM_CODE_END(\name)
.endm

	.section .entry.text, "ax"

SYM_CODE_START(entry)
	UNWIND_HINT_ENTRY
	ENDBR
	swapgs
	movq	%rsp, PER_CPU_VAR(scratch + 20)
	ENTER_KERNEL scratch=%rsp
	movq	PER_CPU_VAR(top), %rsp
SYM_INNER_LABEL(entry_safe_stack, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	pushq	$0x2b
	pushq	PER_CPU_VAR(scratch + 20)
	SAVE	result=$-38
	SAVE	return=1
	CLEAR	ax, bx, bp
	movq	%rsp, %rdi
	movslq	%eax, %rsi
	ALTERNATIVE "shl $16, %rcx; sar $16, %rcx", "shl $7, %rcx; sar $7, %rcx", X86_FEATURE_LA57
	call	do_it
	cmpq	%rcx, %r11
	jne	leave
	movq	%rsp, %rdi
	LEAVE_KERNEL %rdi %rax
	popq	%rdi
	popq	%rsp
	swapgs
	sysretq
SYM_INNER_LABEL(entry_end, SYM_L_LOCAL)
	int3
SYM_CODE_END(entry)

	stub	2 nmi do_nmi code=0
	stub	vector=3 name=breakpoint target=do_it code=0
	stub	13, protection, do_it, code=1

SYM_CODE_START_LOCAL(leave)
	movl	$0xc0000101, %ecx
	rdmsr
	shlq	$32, %rdx
	orq	%rdx, %rax
	movl	$1, %ebx
	testl	%edx, %edx
	js	1f
	swapgs
	xorl	%ebx, %ebx
1:	lock decl MASK_HERE
	jz	1b
	btsq	$63, %rax
	addq	$8, %rsp
	iretq
SYM_CODE_END(leave)

	.text
SYM_FUNC_START(do_it)
	mov	$do_it, %rax
	lea	table(%rip), %rdx
	movq	table(, %rdi, 8), %rdx
	jmp	*table(, %rax, 8)
	.balign 8
	RET
SYM_FUNC_END(do_it)

SYM_FUNC_START_NOALIGN(do_nmi)
	verw	table(%rip)
	RET
SYM_FUNC_END(do_nmi)

	.pushsection .fixup.text, "ax"
2:	jmp	leave
	.popsection

	.data
SYM_DATA_START(table)
	.quad	do_it, do_nmi, entry_safe_stack
	.long	entry_end - entry
	.rept 4
	.word	. - table
	.endr
SYM_DATA_END(table)
SYM_DATA(scratch_size, .quad 8)
scratch = 0x6000
top = scratch + 0x40
