/* SPDX-License-Identifier: GPL-2.0 */
/* Tables for the unwinder. Left out: this text would not assemble. */
.macro UNWIND_HINT_REGS
	no such instruction
.endm
