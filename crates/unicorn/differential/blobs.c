/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Random x86-64 code in random states, executed by native Unicorn: its own translator to machine code, which the
 * WebAssembly build replaces. Links the very interface that the module exports, and writes cases with their results to
 * the standard output for replay.mjs:
 *
 *   blobs SEED COUNT
 *
 *   image: IMAGE bytes
 *   COUNT times: struct input; struct output; `changed` times struct word
 */
#include "engine.h"
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE 0x10000
#define PAGE 0x1000
#define CODE 0x8000
#define DATA 0xa000
#define STACK 0xf000
#define BLOB 48
#define INSTRUCTIONS 16
#define SKYLAKE_SERVER 22

/* crates/unicorn/csrc/engine.c */
struct engine;
struct engine *engine_open(uint32_t model);
uint32_t engine_map(struct engine *engine, uint64_t address, uint32_t size);
uint32_t engine_write(struct engine *engine, uint64_t address, const void *bytes, uint32_t size);
uint32_t engine_read(struct engine *engine, uint64_t address, void *bytes, uint32_t size);
void engine_state_get(struct engine *engine, struct engine_state *state);
void engine_state_set(struct engine *engine, const struct engine_state *state);
void engine_vector_get(struct engine *engine, struct engine_vector_state *state);
void engine_vector_set(struct engine *engine, const struct engine_vector_state *state);
uint32_t engine_flush(struct engine *engine);
void engine_run(struct engine *engine, uint32_t count, uint32_t exceptions, struct engine_record *record,
                uint32_t capacity, struct engine_run *result);
void engine_step(struct engine *engine, struct engine_step *result);

/* How the code is run: the first two are an enum engine_exceptions. */
enum mode {
    RUN_TO_EXCEPTION = ENGINE_STOP,
    RUN_AND_DELIVER = ENGINE_DELIVER,
    STEP,                               /* each instruction in a call of its own */
    MODES,
};

struct input {
    uint64_t address;                   /* of the blob */
    uint64_t mode;                      /* enum mode */
    uint64_t count;                     /* of instructions */
    uint8_t code[BLOB];
    struct engine_state state;
    struct engine_vector_state vectors;
};

struct output {
    uint64_t aborted;                   /* a check of Unicorn failed; the rest is zero then */
    struct engine_run run;
    struct engine_state state;
    struct engine_vector_state vectors;
    uint64_t changed;                   /* words of the image */
};

struct word {
    uint64_t address, value;
};

static uint64_t random_state;

/* splitmix64 */
static uint64_t bits(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint32_t below(uint32_t limit)
{
    return bits() % limit;
}

static void put(uint8_t *image, uint32_t address, uint64_t value)
{
    memcpy(image + address, &value, sizeof(value));
}

/* FSIN, FPTAN and the like: QEMU 5 asks the C library, and two C libraries differ in the last bit of a double. */
static int is_transcendental(uint8_t modrm)
{
    return (modrm >= 0xf0 && modrm <= 0xf3) || modrm == 0xf9 || modrm == 0xfb || modrm == 0xfe || modrm == 0xff;
}

/* ModRM of RDRAND and RDSEED; CMPXCHG8B and CMPXCHG16B have a memory operand. */
static int is_random(uint8_t modrm)
{
    return (modrm & 0xc0) == 0xc0 && (modrm >> 3 & 7) >= 6;
}

/* An opcode of the map 0F and the byte after it. */
static int is_time_or_random(const uint8_t *opcode)
{
    return opcode[0] == 0x31 || (opcode[0] == 0x01 && opcode[1] == 0xf9) || (opcode[0] == 0xc7 && is_random(opcode[1]));
}

/* Replaces what is no function of the state alone: time, random numbers, and the C library's part. */
static void make_reproducible(uint8_t *code, int size)
{
    const int longest = 4;

    for (int i = 0; i + longest < size; i++) {
        const uint8_t *next = code + i + 1;
        /* QEMU 5 reads a VEX prefix of two or three bytes before any instruction as the escape that it encodes. */
        int escaped = (code[i] == 0x0f && is_time_or_random(next)) || (code[i] == 0xc5 && is_time_or_random(next + 1)) ||
                      (code[i] == 0xc4 && is_time_or_random(next + 2));
        if (escaped || (code[i] == 0xd9 && is_transcendental(next[0]))) {
            code[i] = 0x90;
        }
    }
    /* Nothing begins that the page's next bytes, which are NOPs, could complete. */
    memset(code + size - longest, 0x90, longest);
}

enum page {
    PRESENT = 1, WRITABLE = 2, USER = 4,
};

/*
 * One page each: null (absent), the four paging structures, GDT with TSS, IDT, handlers, code, absent, data, data,
 * read-only data, the kernel's data, two of stack.
 */
static void make_image(uint8_t *image)
{
    static const uint8_t pages[16] = { 0, 7, 7, 7, 7, 7, 7, 7, 7, 0, 7, 7, 5, 3, 7, 7 };

    random_state = 1;
    for (uint32_t at = DATA; at < IMAGE; at += 8) {
        put(image, at, bits());
    }
    make_reproducible(image + DATA, IMAGE - DATA);
    put(image, 0x1000, 0x2000 | PRESENT | WRITABLE | USER);
    put(image, 0x2000, 0x3000 | PRESENT | WRITABLE | USER);
    put(image, 0x3000, 0x4000 | PRESENT | WRITABLE | USER);
    for (int i = 0; i < 16; i++) {
        put(image, 0x4000 + 8 * i, i * PAGE | pages[i]);
    }
    put(image, 0x5008, 0x00af9b000000ffff);     /* 0x08: kernel code */
    put(image, 0x5010, 0x00cf93000000ffff);     /* 0x10: kernel data */
    put(image, 0x5018, 0x00cff3000000ffff);     /* 0x18: user data */
    put(image, 0x5020, 0x00affb000000ffff);     /* 0x20: user code */
    put(image, 0x5028, 0x0000890058000067);     /* 0x28: TSS at 0x5800 */
    put(image, 0x5804, STACK);                  /* RSP0 */
    put(image, 0x5824, STACK + 0xf00);          /* IST1 */
    for (int vector = 0; vector < 256; vector++) {
        uint64_t stack_table = vector == 2 || vector == 8;
        uint64_t privilege = vector % 2 ? 3 : 0;
        put(image, 0x6000 + 16 * vector, (0x7000 + vector) | 8ull << 16 | stack_table << 32 |
            (0x8e00ull | privilege << 13) << 32);
    }
    memset(image + 0x7000, 0xf4, PAGE);         /* HLT */
    memset(image + CODE, 0x90, PAGE);
}

/* One instruction of a kind that gets far: known opcode maps, registers that point at data. */
static int instruction(uint8_t *code)
{
    int length = 0;
    uint32_t map = below(8);

    if (below(4) == 0) {
        static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0x66, 0xf0, 0x67, 0x65, 0x64 };
        code[length++] = prefixes[below(sizeof(prefixes))];
    }
    if (below(2)) {
        code[length++] = 0x40 | below(16);
    }
    if (map == 0) {
        code[length++] = 0xd8 + below(8);                       /* x87 */
    } else if (map < 4) {
        code[length++] = 0x0f;                                  /* SSE among others */
        code[length++] = below(2) ? bits() : 0x10 + below(0x70);
    } else if (map == 4) {
        code[length++] = 0x0f;
        code[length++] = below(2) ? 0x38 : 0x3a;
        code[length++] = bits();
    } else {
        code[length++] = bits();
    }
    code[length++] = below(3) ? 0xc0 | bits() : below(0x40);
    if (below(2)) {
        code[length++] = bits();
    }
    return length;
}

static void make_code(uint8_t *code)
{
    for (int i = 0; i < BLOB; i++) {
        code[i] = bits();
    }
    if (below(4)) {
        uint8_t buffer[8];
        for (int at = 0, length; at < BLOB; at += length) {
            length = instruction(buffer);
            memcpy(code + at, buffer, length < BLOB - at ? length : BLOB - at);
        }
    }
    make_reproducible(code, BLOB);
}

static uint64_t interesting(void)
{
    switch (below(6)) {
    case 0: return bits();
    case 1: return bits() >> below(64);
    case 2: return ~(bits() >> below(64));
    case 3: return 1ull << below(64);
    default: return DATA + below(4 * PAGE);
    }
}

static struct engine_segment segment(uint64_t selector, uint64_t attributes)
{
    return (struct engine_segment){ .selector = selector, .limit = 0xffffffff, .attributes = attributes };
}

static void make_state(struct engine_state *state)
{
    int user = below(2);

    memset(state, 0, sizeof(*state));
    for (int i = 0; i < 16; i++) {
        state->registers[i] = interesting();
    }
    state->registers[4] = STACK + 8 * below(0x180);
    state->rflags = 2 | (bits() & 0x40cd5) | (uint64_t)!below(16) << 8;     /* seldom TF */
    state->cr0 = 0x80010033 | (uint64_t)!below(8) << 2;         /* PG WP NE ET MP PE; EM */
    state->cr2 = bits();
    state->cr3 = 0x1000;
    state->cr4 = 0x6b0 | (uint64_t)below(2) << 16;              /* OSXMMEXCPT OSFXSR PGE PAE PSE; FSGSBASE */
    state->efer = 0xd01;
    state->segments[1] = user ? segment(0x23, 0xaffb00) : segment(8, 0xaf9b00);
    state->segments[2] = user ? segment(0x1b, 0xcff300) : segment(0x10, 0xcf9300);
    state->segments[0] = state->segments[3] = user ? segment(0x1b, 0xcff300) : segment(0x10, 0xcf9300);
    state->segments[4].base = DATA;
    state->segments[5].base = DATA + PAGE;
    state->task = segment(0x28, 0x8b00);
    state->task.base = 0x5800;
    state->task.limit = 0x67;
    state->gdt = (struct engine_table){ 0x5000, 0x37 };
    state->idt = (struct engine_table){ 0x6000, 0xfff };
    state->star = 8ull << 32 | 0x13ull << 48;
    state->lstar = 0x7000;
    state->fmask = 0x700;
    state->kernel_gs_base = DATA + 0x800;
    state->debug[4] = 0xffff0ff0;
    state->debug[5] = 0x400;
    state->cpl = user ? 3 : 0;
}

/* Half of the values are floating-point numbers near one, so that arithmetic is more than NaN. */
static void make_vectors(struct engine_vector_state *state)
{
    memset(state, 0, sizeof(*state));
    for (int i = 0; i < 16; i++) {
        for (int half = 0; half < 2; half++) {
            double number = (double)(int64_t)bits() / (double)(1ull << below(63));
            state->xmm[i][half] = bits();
            if (below(2)) {
                memcpy(&state->xmm[i][half], &number, sizeof(number));
            }
        }
    }
    for (int i = 0; i < 8; i++) {
        state->x87[i][0] = bits() | (below(8) ? 1ull << 63 : 0);
        state->x87[i][1] = below(8) ? (bits() & 0x8000) | (0x3fff - 32 + below(64)) : bits() & 0xffff;
    }
    state->x87_control = 0x37f ^ (below(4) ? 0 : bits() & 0xf00);
    state->x87_top = below(8);
    state->x87_tags = below(3) ? 0 : bits() & 0xff;
    state->mxcsr = 0x1f80 ^ (below(4) ? 0 : bits() & 0xe040);
}

static void make_input(struct input *input)
{
    memset(input, 0, sizeof(*input));
    /* Every fourth blob ends at the end of its page, before one that is not there. */
    input->address = below(4) ? CODE + below(PAGE - BLOB) : CODE + PAGE - BLOB;
    input->mode = below(MODES);
    input->count = INSTRUCTIONS;
    make_code(input->code);
    make_state(&input->state);
    make_vectors(&input->vectors);
    input->state.rip = input->address;
}

static void fail(const char *what)
{
    fprintf(stderr, "blobs: %s\n", what);
    exit(1);
}

static sigjmp_buf before_run;

static void on_abort(int signal)
{
    siglongjmp(before_run, signal);
}

static struct engine *open_engine(void)
{
    struct engine *engine = engine_open(SKYLAKE_SERVER);

    if (!engine || engine_map(engine, 0, IMAGE)) {
        fail("Unicorn does not open");
    }
    return engine;
}

/* As replay.mjs does it: the instructions of all steps, and otherwise the result of the last one. */
static void run_by_steps(struct engine *engine, uint64_t count, struct engine_run *result)
{
    static struct engine_step step;
    uint64_t instructions = 0;

    for (uint64_t i = 0; i < count; i++) {
        engine_step(engine, &step);
        instructions += step.run.instructions;
        if (step.run.end != ENGINE_COUNT) {
            break;
        }
    }
    *result = step.run;
    result->instructions = instructions;
}

static void run(struct engine *engine, const uint8_t *image, const struct input *input, struct output *output,
                uint8_t *memory)
{
    memset(output, 0, sizeof(*output));
    if (engine_write(engine, 0, image, IMAGE) || engine_write(engine, input->address, input->code, BLOB)) {
        fail("cannot write memory");
    }
    engine_state_set(engine, &input->state);
    engine_vector_set(engine, &input->vectors);
    engine_flush(engine);
    if (input->mode == STEP) {
        run_by_steps(engine, input->count, &output->run);
    } else {
        engine_run(engine, input->count, input->mode, NULL, 0, &output->run);
    }
    engine_state_get(engine, &output->state);
    engine_vector_get(engine, &output->vectors);
    if (engine_read(engine, 0, memory, IMAGE)) {
        fail("cannot read memory");
    }
}

static void write_words(const uint8_t *image, const uint8_t *memory)
{
    for (uint32_t at = 0; at < IMAGE; at += 8) {
        struct word word = { .address = at };
        memcpy(&word.value, memory + at, 8);
        if (memcmp(image + at, memory + at, 8)) {
            fwrite(&word, sizeof(word), 1, stdout);
        }
    }
}

static uint64_t count_words(const uint8_t *image, const uint8_t *memory)
{
    uint64_t changed = 0;

    for (uint32_t at = 0; at < IMAGE; at += 8) {
        changed += !!memcmp(image + at, memory + at, 8);
    }
    return changed;
}

int main(int argc, char **argv)
{
    static uint8_t image[IMAGE], memory[IMAGE];
    struct engine *volatile engine = open_engine();
    struct sigaction action = { .sa_handler = on_abort, .sa_flags = SA_NODEFER };
    struct input input;
    static struct output output;

    if (argc != 3) {
        fail("usage: blobs SEED COUNT");
    }
    sigaction(SIGABRT, &action, NULL);
    make_image(image);
    fwrite(image, sizeof(image), 1, stdout);
    for (volatile uint64_t index = 0, count = strtoull(argv[2], NULL, 0); index < count; index++) {
        random_state = strtoull(argv[1], NULL, 0) ^ (index * 0xd6e8feb86659fd93);
        make_input(&input);
        if (sigsetjmp(before_run, 1) == 0) {
            run(engine, image, &input, &output, memory);
            output.changed = count_words(image, memory);
        } else {
            /* What the engine holds cannot be trusted any more, not even to be freed. */
            memset(&output, 0, sizeof(output));
            memcpy(memory, image, IMAGE);
            output.aborted = 1;
            engine = open_engine();
        }
        fwrite(&input, sizeof(input), 1, stdout);
        fwrite(&output, sizeof(output), 1, stdout);
        write_words(image, memory);
    }
    return fflush(stdout) ? 1 : 0;
}
