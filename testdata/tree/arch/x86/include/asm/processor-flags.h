/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PROCESSOR_FLAGS_H
#define _ASM_X86_PROCESSOR_FLAGS_H
#include <linux/const.h>
#define X86_EFLAGS_TF		_BITUL(8)
#define X86_EFLAGS_IF		_BITUL(9)
#define X86_EFLAGS_DF		_BITUL(10)
#define X86_EFLAGS_RF		_BITUL(16)
#define X86_CR3_PCID_NOFLUSH_BIT	63
#define X86_CR3_PTI_PCID_USER_BIT	11
#endif
