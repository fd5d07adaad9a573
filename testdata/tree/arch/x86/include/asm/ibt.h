/* SPDX-License-Identifier: GPL-2.0 */
#pragma once
/* Without indirect branch tracking the mark is nothing. */
#ifdef CONFIG_X86_KERNEL_IBT
#define ENDBR		endbr64
#else
#define ENDBR
#endif
