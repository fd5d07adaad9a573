/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The exported functions. A page calls nothing else, and nothing here calls the page.
 */
#include "engine.h"
#include <stdlib.h>
#include <string.h>

/* Translated code of any scenario fits; Unicorn's default for 64-bit registers is 1 GiB. */
#define TRANSLATION_BUFFER (8u << 20)

/* How the running engine goes on from one instruction to the next. */
enum pace {
    FREE,
    ONE,                                /* stops after the instruction, without a look at the next */
};

struct engine {
    uc_engine *uc;
    struct engine_run run;              /* the last one */
    enum engine_exceptions exceptions;
    uint64_t deliveries;                /* at most so many in this run; 0 for any number */
    enum pace pace;
    struct engine_record *record;       /* where to write the state before each instruction */
    uint64_t capacity;
    struct engine_store stores[ENGINE_STORES];  /* the first of the last run */
    uint32_t stored;
};

/* A handler that cannot be fetched raises exceptions for ever, without a single instruction that would be counted. */
static bool may_deliver(const struct engine *engine)
{
    return engine->exceptions == ENGINE_DELIVER &&
           (!engine->deliveries || engine->run.exceptions < engine->deliveries);
}

/* Ends the run, or has the engine deliver the exception that the running instruction raised. */
static void on_exception(uc_engine *uc, uint32_t vector, void *data)
{
    struct engine *engine = data;

    engine->run.vector = vector;
    engine->run.error_code = x86_error_code(uc);
    engine->run.software = x86_is_software(uc);
    if (may_deliver(engine)) {
        engine->run.exceptions++;
        x86_deliver_current(uc);
    } else {
        engine->run.end = ENGINE_EXCEPTION;
        x86_exception_done(uc);
        uc_emu_stop(uc);
    }
}

/* #UD has a hook of its own; saying that it was handled goes on at the RIP that delivery has set. */
static bool on_invalid_opcode(uc_engine *uc, void *data)
{
    const uint32_t invalid_opcode = 6;

    on_exception(uc, invalid_opcode, data);
    return true;
}

static void on_syscall(uc_engine *uc, void *data)
{
    x86_syscall(uc);
}

static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *data)
{
    struct engine *engine = data;
    uint64_t index = engine->run.instructions++;

    if (engine->pace == ONE) {
        x86_stop_after_this(uc);
    }
    if (index < engine->capacity) {
        x86_state_get(uc, &engine->record[index].before);
    }
}

static void on_store(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *data)
{
    struct engine *engine = data;
    uint64_t index = engine->run.instructions;

    if (index < engine->capacity) {
        engine->record[index].stores++;
    }
    if (engine->stored < ENGINE_STORES) {
        engine->stores[engine->stored] = (struct engine_store){ address, size, value };
    }
    engine->stored++;
}

/* Without memory the run ends with a uc_err, and the caller may map some and run again. */
static bool on_unmapped(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *data)
{
    struct engine *engine = data;

    engine->run.address = address;
    return false;
}

static uc_err add_hooks(struct engine *engine)
{
    uc_hook hook;
    uc_err error = uc_hook_add(engine->uc, &hook, UC_HOOK_INTR, (void *)on_exception, engine, 1, 0);

    error = error ? error : uc_hook_add(engine->uc, &hook, UC_HOOK_INSN_INVALID, (void *)on_invalid_opcode, engine, 1, 0);
    error = error ? error : uc_hook_add(engine->uc, &hook, UC_HOOK_CODE, (void *)on_instruction, engine, 1, 0);
    error = error ? error : uc_hook_add(engine->uc, &hook, UC_HOOK_MEM_WRITE, (void *)on_store, engine, 1, 0);
    error = error ? error : uc_hook_add(engine->uc, &hook, UC_HOOK_MEM_UNMAPPED, (void *)on_unmapped, engine, 1, 0);
    return error ? error : uc_hook_add(engine->uc, &hook, UC_HOOK_INSN, (void *)on_syscall, engine, 1, 0, UC_X86_INS_SYSCALL);
}

/* A new engine of the given uc_cpu_x86 model in 64-bit mode at CPL 0, without paging, with no memory; 0 when there is none to be had. */
struct engine *EXPORT(engine_open)(uint32_t model)
{
    struct engine *engine = calloc(1, sizeof(*engine));

    if (!engine) {
        return NULL;
    }
    if (uc_open(UC_ARCH_X86, UC_MODE_64, &engine->uc)) {
        free(engine);
        return NULL;
    }
    /* With exits enabled and none set, no address ends a run; else the end is looked up in the page tables, which sets CR2. */
    if (uc_ctl_set_cpu_model(engine->uc, model) || uc_ctl_set_tcg_buffer_size(engine->uc, TRANSLATION_BUFFER) ||
        uc_ctl_exits_enable(engine->uc) || add_hooks(engine)) {
        uc_close(engine->uc);
        free(engine);
        return NULL;
    }
    x86_flat(engine->uc);
    return engine;
}

void EXPORT(engine_close)(struct engine *engine)
{
    uc_close(engine->uc);
    free(engine);
}

/* Physical memory, zeroed; address and size are multiples of 4 KiB. */
uint32_t EXPORT(engine_map)(struct engine *engine, uint64_t address, uint32_t size)
{
    return uc_mem_map(engine->uc, address, size, UC_PROT_ALL);
}

uint32_t EXPORT(engine_unmap)(struct engine *engine, uint64_t address, uint32_t size)
{
    uc_err error = uc_mem_unmap(engine->uc, address, size);

    return error ? error : uc_ctl_flush_tb(engine->uc);
}

/* Code that has been translated is forgotten where it is written over. */
uint32_t EXPORT(engine_write)(struct engine *engine, uint64_t address, const void *bytes, uint32_t size)
{
    uc_err error = uc_mem_write(engine->uc, address, bytes, size);

    if (!error) {
        x86_forget_code(engine->uc, address, size);
    }
    return error;
}

uint32_t EXPORT(engine_read)(struct engine *engine, uint64_t address, void *bytes, uint32_t size)
{
    return uc_mem_read(engine->uc, address, bytes, size);
}

uint32_t EXPORT(engine_state_size)(void)
{
    return sizeof(struct engine_state);
}

uint32_t EXPORT(engine_step_size)(void)
{
    return sizeof(struct engine_step);
}

void EXPORT(engine_state_get)(struct engine *engine, struct engine_state *state)
{
    x86_state_get(engine->uc, state);
}

void EXPORT(engine_state_set)(struct engine *engine, const struct engine_state *state)
{
    x86_state_set(engine->uc, state);
}

void EXPORT(engine_vector_get)(struct engine *engine, struct engine_vector_state *state)
{
    x86_vector_get(engine->uc, state);
}

void EXPORT(engine_vector_set)(struct engine *engine, const struct engine_vector_state *state)
{
    x86_vector_set(engine->uc, state);
}

/* Forgets translations of addresses: needed after page tables were written from outside. */
uint32_t EXPORT(engine_flush)(struct engine *engine)
{
    return uc_ctl_flush_tlb(engine->uc);
}

static void begin(struct engine *engine, enum engine_exceptions exceptions, enum pace pace)
{
    memset(&engine->run, 0, sizeof(engine->run));
    engine->exceptions = exceptions;
    engine->deliveries = 0;
    engine->pace = pace;
    engine->record = NULL;
    engine->capacity = 0;
    engine->stored = 0;
}

/* An exception that ended the run has said so already. */
static void conclude(struct engine *engine, uc_err error)
{
    if (error) {
        engine->run.end = ENGINE_ERROR;
        engine->run.error = error;
    } else if (engine->run.end == ENGINE_COUNT) {
        engine->run.end = x86_end(engine->uc);
    }
}

/*
 * Executes up to `count` instructions and delivers at most as many exceptions, without a limit if it is 0. With a
 * record, writes the state before each of the first `capacity`.
 */
void EXPORT(engine_run)(struct engine *engine, uint32_t count, uint32_t exceptions, struct engine_record *record,
                        uint32_t capacity, struct engine_run *result)
{
    struct engine_state state;

    begin(engine, exceptions, FREE);
    engine->deliveries = count;
    if (record) {
        memset(record, 0, (size_t)capacity * sizeof(*record));
        engine->record = record;
        engine->capacity = capacity;
    }
    x86_state_get(engine->uc, &state);
    conclude(engine, uc_emu_start(engine->uc, state.rip, 0, 0, count));
    engine->capacity = 0;
    *result = engine->run;
}

static void tell(struct engine *engine, struct engine_step *result)
{
    uint32_t kept = engine->stored < ENGINE_STORES ? engine->stored : ENGINE_STORES;

    result->run = engine->run;
    x86_state_get(engine->uc, &result->state);
    result->stored = engine->stored;
    memcpy(result->stores, engine->stores, kept * sizeof(engine->stores[0]));
}

/*
 * Executes one instruction, or one iteration of a repeated string instruction, and nothing ahead of it: unlike a run of
 * one instruction it does not look up the next one. An exception stops it.
 */
void EXPORT(engine_step)(struct engine *engine, struct engine_step *result)
{
    begin(engine, ENGINE_STOP, ONE);
    conclude(engine, x86_step(engine->uc, &engine->run.instructions));
    tell(engine, result);
}

/* Copies out the stores of the last run, at most `capacity`; how many there were. */
uint32_t EXPORT(engine_stores)(struct engine *engine, struct engine_store *stores, uint32_t capacity)
{
    uint32_t kept = engine->stored < ENGINE_STORES ? engine->stored : ENGINE_STORES;

    memcpy(stores, engine->stores, (kept < capacity ? kept : capacity) * sizeof(*stores));
    return engine->stored;
}

/* Delivers an event through the IDT: one between instructions, or what the last run has stopped at. */
void EXPORT(engine_deliver)(struct engine *engine, uint32_t vector, uint32_t error_code, uint32_t kind,
                            struct engine_step *result)
{
    begin(engine, ENGINE_STOP, FREE);
    engine->run.end = x86_deliver_event(engine->uc, vector, error_code, kind);
    tell(engine, result);
}

const char *EXPORT(engine_error_text)(uint32_t error)
{
    return uc_strerror(error);
}

uint32_t EXPORT(engine_version)(void)
{
    return uc_version(NULL, NULL);
}

void *EXPORT(engine_allocate)(uint32_t size)
{
    return malloc(size);
}

void EXPORT(engine_free)(void *memory)
{
    free(memory);
}
