// What entry code takes from kernel headers, in our own words; a text that defines one of these names itself wins.
// Bookkeeping that emits nothing into the section at hand (unwind hints, annotations) is accepted in annotation.rs.
#define ASM_NL ;
#define __ALIGN .balign 16, 0x90
#define ALIGN __ALIGN
#define __ALIGN_STR ".balign 16, 0x90"
#define SYM_A_ALIGN ALIGN
#define SYM_A_NONE
#define SYM_L_GLOBAL(name) .globl name
#define SYM_L_WEAK(name) .weak name
#define SYM_L_LOCAL(name)
#define SYM_T_FUNC STT_FUNC
#define SYM_T_OBJECT STT_OBJECT
#define SYM_T_NONE STT_NOTYPE
#define SYM_ENTRY(name, linkage, align...) linkage(name) ASM_NL align ASM_NL name:
#define SYM_START(name, linkage, align...) SYM_ENTRY(name, linkage, align)
#define SYM_END(name, type) .size name, .-name
#define SYM_CODE_START(name) SYM_START(name, SYM_L_GLOBAL, SYM_A_ALIGN)
#define SYM_CODE_START_NOALIGN(name) SYM_START(name, SYM_L_GLOBAL, SYM_A_NONE)
#define SYM_CODE_START_LOCAL(name) SYM_START(name, SYM_L_LOCAL, SYM_A_ALIGN)
#define SYM_CODE_START_LOCAL_NOALIGN(name) SYM_START(name, SYM_L_LOCAL, SYM_A_NONE)
#define SYM_CODE_END(name) SYM_END(name, SYM_T_NONE)
#define SYM_FUNC_START(name) SYM_START(name, SYM_L_GLOBAL, SYM_A_ALIGN)
#define SYM_FUNC_START_NOALIGN(name) SYM_START(name, SYM_L_GLOBAL, SYM_A_NONE)
#define SYM_FUNC_START_LOCAL(name) SYM_START(name, SYM_L_LOCAL, SYM_A_ALIGN)
#define SYM_FUNC_START_LOCAL_NOALIGN(name) SYM_START(name, SYM_L_LOCAL, SYM_A_NONE)
#define SYM_FUNC_START_WEAK(name) SYM_START(name, SYM_L_WEAK, SYM_A_ALIGN)
#define SYM_FUNC_END(name) SYM_END(name, SYM_T_FUNC)
#define SYM_TYPED_FUNC_START(name) SYM_FUNC_START(name)
#define SYM_INNER_LABEL(name, linkage) SYM_START(name, linkage, SYM_A_NONE)
#define SYM_INNER_LABEL_ALIGN(name, linkage) SYM_START(name, linkage, SYM_A_ALIGN)
#define SYM_DATA_START(name) SYM_START(name, SYM_L_GLOBAL, SYM_A_NONE)
#define SYM_DATA_START_LOCAL(name) SYM_START(name, SYM_L_LOCAL, SYM_A_NONE)
#define SYM_DATA_END(name) SYM_END(name, SYM_T_OBJECT)
#define SYM_DATA_END_LABEL(name, linkage, label) linkage(label) ASM_NL label: ASM_NL SYM_END(name, SYM_T_OBJECT)
#define SYM_DATA(name, data...) SYM_DATA_START(name) ASM_NL data ASM_NL SYM_DATA_END(name)
#define SYM_DATA_LOCAL(name, data...) SYM_DATA_START_LOCAL(name) ASM_NL data ASM_NL SYM_DATA_END(name)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define _ASM_NOKPROBE(name)
#define __INIT .section .init.text, "ax"
#define __HEAD .section .head.text, "ax"
#define __FINIT .previous
// An absolute address in the GS segment, as arch/x86/include/asm/percpu.h had it until v6.8 on SMP.
#define PER_CPU_VAR(var) %gs:var
#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)
#define _ASM_MOV movq
#define _ASM_ADD addq
#define _ASM_SUB subq
#define _ASM_INC incq
#define _ASM_DEC decq
#define _ASM_LEA leaq
#define _ASM_XADD xaddq
#define _ASM_PTR .quad
#define _ASM_ALIGN .balign 8
#define _ASM_AX %rax
#define _ASM_BX %rbx
#define _ASM_CX %rcx
#define _ASM_DX %rdx
#define _ASM_SP %rsp
#define _ASM_BP %rbp
#define _ASM_SI %rsi
#define _ASM_DI %rdi
#define _ASM_ARG1 %rdi
#define _ASM_ARG2 %rsi
#define _ASM_ARG3 %rdx
#define _ASM_ARG4 %rcx
#define _ASM_ARG5 %r8
#define _ASM_ARG6 %r9
#define _AC(x, y) x
#define _UL(x) x
#define _ULL(x) x
#define _BITUL(x) (1 << (x))
#define _BITULL(x) (1 << (x))
#define BIT(x) (1 << (x))
#define ENDBR endbr64
#define RET ret
#define __ASSEMBLY__ 1
#define __ASSEMBLER__ 1
#define __x86_64__ 1
// As the compiler has them.
#define __CHAR_BIT__ 8
#define __SIZEOF_LONG__ 8
// The kernel's configuration, as far as the machine has one: page-table isolation is compiled in (by its name until v6.7 and
// since), GS points to the per-CPU area, thread stacks have guard pages, #MC has its stack, the timer is the local APIC's.
#define CONFIG_X86 1
#define CONFIG_X86_64 1
#define CONFIG_64BIT 1
#define CONFIG_SMP 1
#define CONFIG_PAGE_TABLE_ISOLATION 1
#define CONFIG_MITIGATION_PAGE_TABLE_ISOLATION 1
#define CONFIG_VMAP_STACK 1
#define CONFIG_X86_MCE 1
#define CONFIG_X86_LOCAL_APIC 1
