/*
 * A kernel tree's own entry text, between what the machine has in the place of the kernel's build: the per-CPU symbols are labels
 * in sections of their own, at the offsets that the machine knows.
 */

/* For objtool alone (linux/objtool.h). */
#define REACHABLE

.section .entry.text, "ax"
