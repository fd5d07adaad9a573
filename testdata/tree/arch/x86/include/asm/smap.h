/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_SMAP_H
#define _ASM_X86_SMAP_H
#include <asm/cpufeatures.h>
#include <asm/alternative.h>
/* As bytes, for assemblers that do not know the instruction. */
#define __ASM_CLAC	".byte 0x0f,0x01,0xca"
#define ASM_CLAC	ALTERNATIVE "", __ASM_CLAC, X86_FEATURE_SMAP
#endif
