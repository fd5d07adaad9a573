/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_CONST_H
#define _LINUX_CONST_H
#ifdef __ASSEMBLY__
#define _AC(x, y)	x
#else
#define _AC(x, y)	x##y
#endif
#define _BITUL(x)	(_AC(1, UL) << (x))
#endif
