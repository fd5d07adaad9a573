/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_X86_PERCPU_H
#define _ASM_X86_PERCPU_H
/* Relative to RIP, which is shorter by a byte. */
#ifdef CONFIG_SMP
#define __percpu_seg	gs
#define __percpu_rel	(%rip)
#else
#define __percpu_rel
#endif
#define PER_CPU_VAR(var)	%__percpu_seg:(var)__percpu_rel
#endif
