/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers of features. Left out: features are known by name. */
#define X86_FEATURE_PTI		( 7*32+11)
