/*
 * Handler "schedule": what a handler that schedules would do to CR3. Another task gets the CPU, and later this one again. Linux
 * forbids it ("scheduling while atomic"). The stack stays the handler's: the other task runs no instruction of its own.
 */
.section .text, "ax"

/* RDI = pt_regs. */
modelled_handler:
	leaq	second_mm(%rip), %rdi
	call	switch_mm_irqs_off
schedule_back:
	movq	PER_CPU_VAR(pcpu_hot + X86_current_task), %rdi
	movq	TASK_mm(%rdi), %rdi
	jmp	switch_mm_irqs_off
