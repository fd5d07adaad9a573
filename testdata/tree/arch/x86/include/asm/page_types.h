/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PAGE_TYPES_H
#define _ASM_X86_PAGE_TYPES_H
#include <linux/const.h>
#define PAGE_SHIFT		CONFIG_PAGE_SHIFT
#define __VIRTUAL_MASK_SHIFT	47
#define PAGE_SIZE		(_AC(1, UL) << PAGE_SHIFT)
/* Two pages, and twice as many where memory has shadows. */
#ifdef CONFIG_KASAN
#define EXCEPTION_STACK_ORDER	2
#else
#define EXCEPTION_STACK_ORDER	1
#endif
#define EXCEPTION_STKSZ		(PAGE_SIZE << EXCEPTION_STACK_ORDER)
#endif
