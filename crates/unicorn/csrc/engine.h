/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The interface of the WebAssembly build: one x86-64 with physical memory, stepped and compared from outside.
 * Handles are pointers; results are 0 or a uc_err unless said otherwise.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default"))) name

struct engine_segment {
    uint64_t selector, base, limit;
    uint64_t attributes;                /* the descriptor's upper half, bits 23:8 in place */
};

struct engine_table {
    uint64_t base, limit;
};

/* All that ring 0 and ring 3 integer code can see; every field 64 bits wide, so that a page reads it as one array. */
struct engine_state {
    uint64_t registers[16];             /* RAX RCX RDX RBX RSP RBP RSI RDI R8..R15 */
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer;
    struct engine_segment segments[6];  /* ES CS SS DS FS GS */
    struct engine_segment ldt, task;
    struct engine_table gdt, idt;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t debug[6];                  /* DR0-DR3, DR6, DR7 */
    uint64_t cpl;
    uint64_t nmi_blocked;               /* between the delivery of an NMI and IRET */
    uint64_t interrupt_shadow;          /* the instruction after STI or MOV SS */
    uint64_t mcg_status;
};

/* x87 and SSE state. */
struct engine_vector_state {
    uint64_t xmm[16][2];
    uint64_t x87[8][2];                 /* by physical register: significand; sign and exponent */
    uint64_t x87_control, x87_status, x87_top, x87_tags, mxcsr;
};

/* Why a run ended. */
enum engine_end {
    ENGINE_COUNT,                       /* the instructions asked for have executed */
    ENGINE_HALTED,                      /* HLT */
    ENGINE_SHUTDOWN,                    /* triple fault */
    ENGINE_EXCEPTION,                   /* an exception, and delivery was not asked for */
    ENGINE_ERROR,                       /* a uc_err: access to memory that is not there, and the like */
};

struct engine_run {
    uint64_t end;                       /* enum engine_end */
    uint64_t instructions;              /* begun, the faulting one included */
    uint64_t exceptions;                /* delivered through the IDT */
    uint64_t vector, error_code;        /* of the last exception */
    uint64_t software;                  /* whether the last exception was INT n's */
    uint64_t error;                     /* uc_err */
    uint64_t address;                   /* physical, of memory that is not there */
};

/* A store by the last run, to physical memory. */
struct engine_store {
    uint64_t address, size, value;
};

/* The state before one instruction of a recorded run. */
struct engine_record {
    struct engine_state before;
    uint64_t stores;                    /* physical stores by the instruction before this one */
};

/* More than any instruction stores: FXSAVE's 512 bytes in words of 8. */
#define ENGINE_STORES 128

/* One instruction, or one delivery, in one piece: a caller behind a border crosses it once per step. */
struct engine_step {
    struct engine_run run;
    struct engine_state state;          /* after it */
    uint64_t stored;                    /* how many stores there were */
    struct engine_store stores[ENGINE_STORES];
};

/* What becomes of an exception that an instruction raises. */
enum engine_exceptions {
    ENGINE_STOP,                        /* end the run; the state is that before delivery */
    ENGINE_DELIVER,                     /* the engine's own delivery through IDT, TSS and IST */
};

/* An event that engine_deliver() delivers. */
enum engine_event {
    ENGINE_EXCEPTION_EVENT,             /* of an instruction or from outside, with its error code */
    ENGINE_INTERRUPT,
    ENGINE_NMI,
    ENGINE_SOFTWARE,                    /* INT n, which has raised it: RIP is that of the next instruction */
};

/* In x86.c, which sees the processor's inside. */
void x86_flat(uc_engine *uc);
void x86_state_get(uc_engine *uc, struct engine_state *state);
void x86_state_set(uc_engine *uc, const struct engine_state *state);
void x86_vector_get(uc_engine *uc, struct engine_vector_state *state);
void x86_vector_set(uc_engine *uc, const struct engine_vector_state *state);
void x86_deliver_current(uc_engine *uc);
enum engine_end x86_deliver_event(uc_engine *uc, uint32_t vector, uint32_t error_code, enum engine_event kind);
uc_err x86_step(uc_engine *uc, const uint64_t *begun);
void x86_stop_after_this(uc_engine *uc);
enum engine_end x86_end(uc_engine *uc);
void x86_forget_code(uc_engine *uc, uint64_t address, uint64_t size);
void x86_exception_done(uc_engine *uc);
uint32_t x86_error_code(uc_engine *uc);
bool x86_is_software(uc_engine *uc);
void x86_syscall(uc_engine *uc);

#endif
