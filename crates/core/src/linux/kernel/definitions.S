/*
 * Names that the kernel texts share. Addresses, selectors and offsets come from the layout as constants.
 */

#define ENOSYS			38
#define EFAULT			14
#define __NR_write		1
#define __NR_rt_sigreturn	15
#define __NR_exit		60

#define X86_EFLAGS_TF		0x100
#define X86_EFLAGS_IF		0x200
#define X86_EFLAGS_DF		0x400
#define X86_EFLAGS_RF		0x10000
#define X86_CR4_PGE		0x80
#define MSR_GS_BASE		0xc0000101
#define MSR_IA32_MCG_STATUS	0x17a
#define VDSO_CPUNODE_MASK	0xfff

/* nmi_state (arch/x86/kernel/nmi.c) */
#define NMI_NOT_RUNNING		0
#define NMI_EXECUTING		1
#define NMI_LATCHED		2
/* NMI_OFFSET + HARDIRQ_OFFSET (linux/preempt.h) */
#define NMI_ENTER_OFFSET	0x110000
#define NMI_MASK		0xf00000
/* asm/debugreg.h */
#define DR6_RESERVED		0xffff0ff0
#define DR_STEP			0x4000
/* asm/stacktrace.h; the numbers are ours */
#define STACK_TYPE_UNKNOWN	0
#define STACK_TYPE_ENTRY	1
#define STACK_TYPE_TASK		2
#define STACK_TYPE_EXCEPTION	3

/* Offsets in the cut-down structs of data.S */
#define TASK_mm			0
/* struct tlb_context: ctx_id, tlb_gen */
#define TLB_CONTEXT_SIZE	16
#define PTE_PFN_MASK		0x000ffffffffff000
/* An instruction that may fault, and where to go on (asm/asm.h); the table has addresses here, and no types. */
#define _ASM_EXTABLE(from, to) .pushsection __ex_table, "a" ASM_NL .quad from, to ASM_NL .popsection
