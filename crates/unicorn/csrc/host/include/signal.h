/* SPDX-License-Identifier: GPL-2.0-only */
/* No signals here; a type that QEMU's headers name. */
#ifndef HOST_SIGNAL_H
#define HOST_SIGNAL_H
typedef int sig_atomic_t;
#endif
