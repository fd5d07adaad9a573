/* SPDX-License-Identifier: GPL-2.0-only */
/* No processes here; macros that QEMU's osdep.h expects. */
#ifndef HOST_WAIT_H
#define HOST_WAIT_H
#define WIFEXITED(status)   1
#define WEXITSTATUS(status) (status)
#define WIFSIGNALED(status) 0
#define WTERMSIG(status)    0
#endif
