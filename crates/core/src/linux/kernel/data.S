/*
 * Data of the kernel image.
 */
.section .data, "aw"

/* GS base of each CPU; there is one. */
	.balign	8
__per_cpu_offset:
	.quad	per_cpu_area

/* struct mm_struct, cut down: pgd, context id, generation of its translations. */
user_mm:
	.quad	user_mm_pgd
	.quad	3
	.quad	1

/* struct task_struct, cut down: mm. */
current_task_struct:
	.quad	user_mm

/* Memory of the task: start and end of each area; ends with zeros. */
vmas:
	.quad	USER_TEXT, USER_TEXT_END
	.quad	USER_DATA, USER_DATA_END
	.quad	USER_STACK, TASK_SIZE_MAX
	.quad	0, 0

/* The kernel's own tables; a temporary mm for changing kernel text (arch/x86/mm/init.c, poking_init); the mm of another task. */
init_mm:
	.quad	swapper_pg_dir
	.quad	1
	.quad	1
poking_mm:
	.quad	poking_mm_pgd
	.quad	2
	.quad	1
second_mm:
	.quad	second_mm_pgd
	.quad	4
	.quad	1
