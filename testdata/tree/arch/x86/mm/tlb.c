/* SPDX-License-Identifier: GPL-2.0 */
/* One order of two statements is read of this file. */
void switch_mm_irqs_off(struct mm_struct *unused, struct mm_struct *next, struct task_struct *tsk)
{
	choose_new_asid(next, next_tlb_gen, &new_asid, &need_flush);
	this_cpu_write(cpu_tlbstate.loaded_mm, LOADED_MM_SWITCHING);
}
