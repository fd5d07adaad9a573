/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_ASM_H
#define _ASM_X86_ASM_H
#define _ASM_RIP(x)	x (%rip)
/* Three distances: the instruction, where to go on, how. */
# define _ASM_EXTABLE_TYPE(from, to, type)	.pushsection "__ex_table","a" ; .balign 4 ; .long (from) - . ; .long (to) - . ; .long type ; .popsection
# define _ASM_EXTABLE(from, to)	_ASM_EXTABLE_TYPE(from, to, 1)
# define _ASM_NOKPROBE(entry)	.pushsection "_kprobe_blacklist","aw" ; .balign 8 ; .quad entry ; .popsection
#endif
