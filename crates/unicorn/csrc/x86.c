/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * What Unicorn's API does not reach: the whole state in one call with the hidden parts of segments, delivery through
 * the IDT, and SYSCALL, which Unicorn replaces by a hook. Compiled like the files of QEMU's target/i386.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/memory.h"
#include "exec/ram_addr.h"
#include "uc_priv.h"
#include "engine.h"

static CPUX86State *environment(uc_engine *uc)
{
    return uc->cpu->env_ptr;
}

/* Descriptor attributes as a segment cache holds them: bits 23:20 and 15:8 of the upper half. */
#define ATTRIBUTES 0x00f0ff00u

static struct engine_segment segment_get(const SegmentCache *cache)
{
    return (struct engine_segment){
        .selector = cache->selector,
        .base = cache->base,
        .limit = cache->limit,
        .attributes = cache->flags & ATTRIBUTES,
    };
}

static void segment_set(SegmentCache *cache, const struct engine_segment *segment)
{
    cache->selector = segment->selector;
    cache->base = segment->base;
    cache->limit = segment->limit;
    cache->flags = segment->attributes & ATTRIBUTES;
}

void x86_state_get(uc_engine *uc, struct engine_state *state)
{
    CPUX86State *env = environment(uc);

    for (int i = 0; i < 16; i++) {
        state->registers[i] = env->regs[i];
    }
    state->rip = env->eip;
    state->rflags = cpu_compute_eflags(env);
    state->cr0 = env->cr[0];
    state->cr2 = env->cr[2];
    state->cr3 = env->cr[3];
    state->cr4 = env->cr[4];
    state->cr8 = env->cr[8];
    state->efer = env->efer;
    for (int i = 0; i < 6; i++) {
        state->segments[i] = segment_get(&env->segs[i]);
    }
    state->ldt = segment_get(&env->ldt);
    state->task = segment_get(&env->tr);
    state->gdt = (struct engine_table){ env->gdt.base, env->gdt.limit };
    state->idt = (struct engine_table){ env->idt.base, env->idt.limit };
    state->star = env->star;
    state->lstar = env->lstar;
    state->cstar = env->cstar;
    state->fmask = env->fmask;
    state->kernel_gs_base = env->kernelgsbase;
    state->tsc_aux = env->tsc_aux;
    state->sysenter_cs = env->sysenter_cs;
    state->sysenter_esp = env->sysenter_esp;
    state->sysenter_eip = env->sysenter_eip;
    for (int i = 0; i < 4; i++) {
        state->debug[i] = env->dr[i];
    }
    state->debug[4] = env->dr[6];
    state->debug[5] = env->dr[7];
    state->cpl = env->hflags & HF_CPL_MASK;
    state->nmi_blocked = !!(env->hflags2 & HF2_NMI_MASK);
    state->interrupt_shadow = !!(env->hflags & HF_INHIBIT_IRQ_MASK);
    state->mcg_status = env->mcg_status;
}

/*
 * The derived flags (hflags) follow from the control registers and segments: the update functions compute them. They
 * also flush the TLB, so they are called only where a register changes.
 */
void x86_state_set(uc_engine *uc, const struct engine_state *state)
{
    CPUX86State *env = environment(uc);

    for (int i = 0; i < 16; i++) {
        env->regs[i] = state->registers[i];
    }
    env->eip = state->rip;
    cpu_load_eflags(env, state->rflags, -1);
    if (env->efer != state->efer) {
        cpu_load_efer(env, state->efer);
    }
    /* PAE first: without it CR0.PG is refused in long mode. */
    if (env->cr[4] != state->cr4) {
        cpu_x86_update_cr4(env, state->cr4);
    }
    if (env->cr[0] != state->cr0) {
        cpu_x86_update_cr0(env, state->cr0);
    }
    if (env->cr[3] != state->cr3) {
        cpu_x86_update_cr3(env, state->cr3);
    }
    env->cr[2] = state->cr2;
    env->cr[8] = state->cr8;
    for (int i = 0; i < 6; i++) {
        const struct engine_segment *segment = &state->segments[i];
        cpu_x86_load_seg_cache(env, i, segment->selector, segment->base, segment->limit,
                               segment->attributes & ATTRIBUTES);
    }
    segment_set(&env->ldt, &state->ldt);
    segment_set(&env->tr, &state->task);
    env->gdt.base = state->gdt.base;
    env->gdt.limit = state->gdt.limit;
    env->idt.base = state->idt.base;
    env->idt.limit = state->idt.limit;
    env->star = state->star;
    env->lstar = state->lstar;
    env->cstar = state->cstar;
    env->fmask = state->fmask;
    env->kernelgsbase = state->kernel_gs_base;
    env->tsc_aux = state->tsc_aux;
    env->sysenter_cs = state->sysenter_cs;
    env->sysenter_esp = state->sysenter_esp;
    env->sysenter_eip = state->sysenter_eip;
    for (int i = 0; i < 4; i++) {
        env->dr[i] = state->debug[i];
    }
    env->dr[6] = state->debug[4];
    env->dr[7] = state->debug[5];
    /* The descriptor's DPL of SS is the CPL (SDM vol. 3A 5.5); loading the cache has not moved it. */
    env->hflags = (env->hflags & ~(HF_CPL_MASK | HF_INHIBIT_IRQ_MASK)) | (state->cpl & HF_CPL_MASK) |
                  (state->interrupt_shadow ? HF_INHIBIT_IRQ_MASK : 0);
    env->hflags2 = (env->hflags2 & ~HF2_NMI_MASK) | (state->nmi_blocked ? HF2_NMI_MASK : 0);
    env->mcg_status = state->mcg_status;
    env->old_exception = -1;
    uc->cpu->exception_index = -1;
    uc->cpu->halted = 0;
}

static void flat_segment(CPUX86State *env, int segment, uint32_t selector, uint32_t type)
{
    cpu_x86_load_seg_cache(env, segment, selector, 0, 0xffffffff,
                           DESC_G_MASK | DESC_P_MASK | DESC_S_MASK | DESC_A_MASK | type);
}

/* Unicorn opens in 64-bit mode with segment caches that say otherwise, so that a state would not survive being set. */
void x86_flat(uc_engine *uc)
{
    CPUX86State *env = environment(uc);

    flat_segment(env, R_CS, env->segs[R_CS].selector, DESC_CS_MASK | DESC_R_MASK | DESC_L_MASK);
    flat_segment(env, R_SS, env->segs[R_SS].selector, DESC_B_MASK | DESC_W_MASK);
}

void x86_vector_get(uc_engine *uc, struct engine_vector_state *state)
{
    CPUX86State *env = environment(uc);
    uint64_t tags = 0;

    for (int i = 0; i < 16; i++) {
        state->xmm[i][0] = env->xmm_regs[i].ZMM_Q(0);
        state->xmm[i][1] = env->xmm_regs[i].ZMM_Q(1);
    }
    for (int i = 0; i < 8; i++) {
        state->x87[i][0] = env->fpregs[i].d.low;
        state->x87[i][1] = env->fpregs[i].d.high;
        tags |= (uint64_t)env->fptags[i] << i;
    }
    state->x87_control = env->fpuc;
    state->x87_status = env->fpus;
    state->x87_top = env->fpstt;
    state->x87_tags = tags;
    state->mxcsr = env->mxcsr;
}

void x86_vector_set(uc_engine *uc, const struct engine_vector_state *state)
{
    CPUX86State *env = environment(uc);

    for (int i = 0; i < 16; i++) {
        env->xmm_regs[i].ZMM_Q(0) = state->xmm[i][0];
        env->xmm_regs[i].ZMM_Q(1) = state->xmm[i][1];
    }
    for (int i = 0; i < 8; i++) {
        env->fpregs[i].d.low = state->x87[i][0];
        env->fpregs[i].d.high = state->x87[i][1];
        env->fptags[i] = state->x87_tags >> i & 1;
    }
    cpu_set_fpuc(env, state->x87_control);
    env->fpus = state->x87_status;
    env->fpstt = state->x87_top & 7;
    cpu_set_mxcsr(env, state->mxcsr);
}

uint32_t x86_error_code(uc_engine *uc)
{
    return environment(uc)->error_code;
}

bool x86_is_software(uc_engine *uc)
{
    return environment(uc)->exception_is_int;
}

/*
 * Unicorn calls a hook where QEMU would deliver, and leaves the exception recorded as not yet delivered: without this
 * the next one would count as a double fault.
 */
void x86_exception_done(uc_engine *uc)
{
    environment(uc)->old_exception = -1;
}

/* Inside a hook: delivers the exception that the running instruction raised. A fault on the way goes to the main loop. */
void x86_deliver_current(uc_engine *uc)
{
    x86_cpu_do_interrupt(uc->cpu);
}

/* What do_interrupt needs to know of an event that it does not find in the running instruction. */
static void present(CPUX86State *env, int vector, uint32_t error_code, bool is_software)
{
    env_cpu(env)->exception_index = vector;
    env->error_code = error_code;
    env->exception_is_int = is_software;
    env->exception_next_eip = env->eip;
}

/* Delivers what is presented; nonzero when a fault on the way presents another exception, or memory is not there. */
static int deliver_once(uc_engine *uc, bool is_external, int vector)
{
    /* A fault jumps to the innermost level, as inside uc_emu_start(). */
    if (sigsetjmp(uc->jmp_bufs[uc->nested_level - 1], 0) != 0) {
        return 1;
    }
    if (is_external) {
        do_interrupt_x86_hardirq(environment(uc), vector, 1);
    } else {
        x86_cpu_do_interrupt(uc->cpu);
    }
    return 0;
}

/* Up to an instruction or a delivery from outside uc_emu_start(): no request of an earlier one is left. */
static void enter(uc_engine *uc)
{
    CPUState *cpu = uc->cpu;

    uc->nested_level++;
    uc->invalid_error = UC_ERR_OK;
    uc->emulation_done = false;
    uc->stop_request = false;
    uc->quit_request = false;
    uc->skip_sync_pc_on_exit = false;
    uc->size_recur_mem = 0;
    uc->emu_counter = 0;
    uc->emu_count = 1;
    cpu->halted = 0;
    cpu->exit_request = 0;
    cpu->exception_index = -1;
    cpu_resume(cpu);
}

static uc_err leave(uc_engine *uc)
{
    CPUState *cpu = uc->cpu;
    uc_err error = uc->invalid_error;

    uc->nested_level--;
    uc->emulation_done = true;
    uc->stop_request = false;
    uc->invalid_error = UC_ERR_OK;
    uc->exit_request = 0;
    cpu->exit_request = 0;
    cpu->tcg_exit_req = 0;
    cpu->icount_decr_ptr->u16.high = 0;
    return error;
}

/* A fault during delivery is delivered in turn, up to shutdown. */
enum engine_end x86_deliver_event(uc_engine *uc, uint32_t vector, uint32_t error_code, enum engine_event kind)
{
    CPUState *cpu = uc->cpu;
    CPUX86State *env = environment(uc);
    bool is_external = kind == ENGINE_INTERRUPT || kind == ENGINE_NMI;
    enum engine_end end = ENGINE_COUNT;

    enter(uc);
    if (kind == ENGINE_NMI) {
        env->hflags2 |= HF2_NMI_MASK;
    }
    env->old_exception = kind == ENGINE_EXCEPTION_EVENT ? (int)vector : -1;
    present(env, vector, error_code, kind == ENGINE_SOFTWARE);
    while (end == ENGINE_COUNT && deliver_once(uc, is_external, vector)) {
        is_external = false;
        if (uc->invalid_error) {
            end = ENGINE_ERROR;
        } else if (cpu->exception_index < 0 || cpu->exception_index >= EXCP_INTERRUPT) {
            end = ENGINE_SHUTDOWN;
        }
    }
    cpu->exception_index = -1;
    env->old_exception = -1;
    leave(uc);
    return end;
}

/*
 * Executes one instruction; `begun` counts those that the hook of instructions has seen. A translated block that holds
 * one instruction only is what icount and self-modifying code ask for as well; x86_stop_after_this() then keeps
 * cpu_exec() from looking for another. Nothing here leaves by longjmp, which is slow on WebAssembly, unless the
 * instruction faults.
 */
uc_err x86_step(uc_engine *uc, const uint64_t *begun)
{
    CPUState *cpu = uc->cpu;

    enter(uc);
    /* A full translation buffer is emptied, and ends cpu_exec() before there is a block to execute. */
    do {
        cpu->cflags_next_tb = curr_cflags() | 1;
    } while (cpu_exec(uc, cpu) == EXCP_INTERRUPT && !*begun && !uc->stop_request && !uc->invalid_error);
    cpu->cflags_next_tb = -1;
    return leave(uc);
}

/* Inside a hook of the running instruction. */
void x86_stop_after_this(uc_engine *uc)
{
    uc->cpu->exit_request = 1;
}

/* Why a run that no exception and no error has stopped is at its end. */
enum engine_end x86_end(uc_engine *uc)
{
    CPUX86State *env = environment(uc);

    if (env->old_exception == EXCP08_DBLE) {
        /* check_exception() in excp_helper.c, where others reset the machine. */
        env->old_exception = -1;
        return ENGINE_SHUTDOWN;
    }
    return uc->cpu->halted ? ENGINE_HALTED : ENGINE_COUNT;
}

/* Unicorn writes memory without a look at what has been translated from it. */
void x86_forget_code(uc_engine *uc, uint64_t address, uint64_t size)
{
    while (size) {
        MemoryRegion *region = uc->memory_mapping(uc, address);
        uint64_t offset, length;
        ram_addr_t start;

        if (!region) {
            break;
        }
        offset = address - region->addr;
        length = MIN(size, int128_get64(region->size) - offset);
        start = memory_region_get_ram_addr(region) + offset;
        tb_invalidate_phys_range(uc, start, start + length);
        address += length;
        size -= length;
    }
}

/*
 * Inside the hook of SYSCALL: what the instruction does in 64-bit mode (SDM vol. 2, SYSCALL). Unicorn adds the
 * instruction's length of two bytes to RIP after the hook.
 */
void x86_syscall(uc_engine *uc)
{
    CPUX86State *env = environment(uc);
    uint32_t selector = env->star >> 32 & 0xfffc;
    uint32_t flags = cpu_compute_eflags(env) & ~RF_MASK;
    const int length = 2;

    env->regs[R_ECX] = env->eip + length;
    env->regs[11] = flags;
    cpu_load_eflags(env, flags & ~env->fmask, -1);
    flat_segment(env, R_CS, selector, DESC_CS_MASK | DESC_R_MASK | DESC_L_MASK);
    flat_segment(env, R_SS, selector + 8, DESC_B_MASK | DESC_W_MASK);
    env->hflags &= ~HF_CPL_MASK;
    env->eip = env->lstar - length;
}
