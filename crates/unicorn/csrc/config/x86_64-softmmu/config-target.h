/* SPDX-License-Identifier: GPL-2.0-only */
/* What QEMU's configure would write for the target x86_64-softmmu. */
#define TARGET_X86_64 1
#define TARGET_I386 1
#define TARGET_NAME "x86_64"
#define TARGET_SYSTBL_ABI common,64
#define TARGET_SUPPORTS_MTTCG 1
#define CONFIG_SOFTMMU 1
