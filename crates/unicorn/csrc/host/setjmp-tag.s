# SPDX-License-Identifier: GPL-2.0-only
# The tag that longjmp throws. clang declares it in every file that calls setjmp; a definition needs assembly.
	.globl	__c_longjmp
	.tagtype	__c_longjmp i32
__c_longjmp:
