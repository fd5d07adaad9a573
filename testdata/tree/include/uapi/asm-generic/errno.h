/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_GENERIC_ERRNO_H
#define _ASM_GENERIC_ERRNO_H
#define ENOSYS	38
#endif
