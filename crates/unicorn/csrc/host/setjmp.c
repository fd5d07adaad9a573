/*
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * The run-time half of clang's setjmp for WebAssembly (-mllvm -wasm-enable-sjlj, as of LLVM 19): longjmp throws an
 * exception with the tag __c_longjmp, and every function that calls setjmp catches it and asks whether it is meant.
 */
#include <stdint.h>

struct jump_buffer {
    void *invocation;
    uint32_t label;
    struct {
        void *buffer;
        int value;
    } thrown;
};

/* Compiled code calls this for setjmp: `invocation` is unique to this run of the calling function. */
void __wasm_setjmp(struct jump_buffer *buffer, uint32_t label, void *invocation)
{
    buffer->invocation = invocation;
    buffer->label = label;
}

/* Which setjmp of this invocation a caught exception is meant for; 0 for none. */
uint32_t __wasm_setjmp_test(struct jump_buffer *buffer, void *invocation)
{
    return buffer->invocation == invocation ? buffer->label : 0;
}

void __wasm_longjmp(struct jump_buffer *buffer, int value)
{
    buffer->thrown.buffer = buffer;
    buffer->thrown.value = value ? value : 1;
    __builtin_wasm_throw(1, &buffer->thrown);
}
