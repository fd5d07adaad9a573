/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_LINKAGE_H
#define _LINUX_LINKAGE_H

#include <asm/linkage.h>

#ifdef __ASSEMBLY__
/* Labels with an alignment and a size. */
#define ALIGN __ALIGN
#define SYM_START(name, linkage, align...)	linkage(name) ASM_NL align ASM_NL name:
#define SYM_CODE_START(name)			SYM_START(name, SYM_L_GLOBAL, ALIGN)
#define SYM_CODE_START_LOCAL(name)		SYM_START(name, SYM_L_LOCAL, ALIGN)
#define SYM_CODE_START_NOALIGN(name)		SYM_START(name, SYM_L_GLOBAL)
#define SYM_FUNC_START(name)			SYM_START(name, SYM_L_GLOBAL, ALIGN)
#define SYM_INNER_LABEL(name, linkage)		SYM_START(name, linkage)
#define SYM_CODE_END(name)			.size name, .-name
#define SYM_FUNC_END(name)			.size name, .-name
#endif /* __ASSEMBLY__ */

#endif
