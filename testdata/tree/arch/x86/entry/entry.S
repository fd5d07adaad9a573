/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/linkage.h>
#include <asm/segment.h>
#include "calling.h"

.pushsection .noinstr.text, "ax"
SYM_FUNC_START(entry_barrier)
	lfence
	RET
SYM_FUNC_END(entry_barrier)
.popsection

/* The operand of VERW. */
.pushsection .entry.text, "ax"
.align 64, 0xcc
SYM_CODE_START_NOALIGN(x86_verw_sel)
	.word __KERNEL_DS
.align 64, 0xcc
SYM_CODE_END(x86_verw_sel);
EXPORT_SYMBOL_GPL(x86_verw_sel);
.popsection
