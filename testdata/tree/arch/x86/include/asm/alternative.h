/* SPDX-License-Identifier: GPL-2.0 */
/* Alternatives are patched at boot. Left out: the assembler chooses the arm. */
.macro ALTERNATIVE oldinstr, newinstr, feature
	no such instruction
.endm
