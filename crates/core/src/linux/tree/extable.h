/* The exception table of the machine: two addresses each, and no type. */
#undef _ASM_EXTABLE_TYPE
#undef _ASM_EXTABLE_TYPE_REG
#undef _ASM_EXTABLE_HANDLE
#undef _ASM_EXTABLE
#undef _ASM_EXTABLE_UA
#define _ASM_EXTABLE(from, to) .pushsection __ex_table, "a" ASM_NL .quad from, to ASM_NL .popsection
#define _ASM_EXTABLE_TYPE(from, to, type) _ASM_EXTABLE(from, to)
#define _ASM_EXTABLE_TYPE_REG(from, to, type, reg) _ASM_EXTABLE(from, to)
#define _ASM_EXTABLE_HANDLE(from, to, handler) _ASM_EXTABLE(from, to)
#define _ASM_EXTABLE_UA(from, to) _ASM_EXTABLE(from, to)
