// SPDX-License-Identifier: GPL-2.0-only
// The module as JavaScript sees it: the exports of csrc/engine.c, and the layout of its structures.

export const SKYLAKE_SERVER = 22;

/** enum engine_exceptions */
export const Exceptions = { STOP: 0, DELIVER: 1 };

/** enum engine_end */
export const End = { COUNT: 0, HALTED: 1, SHUTDOWN: 2, EXCEPTION: 3, ERROR: 4 };

/** Indices into struct engine_state, in 64-bit words. */
export const Field = {
  RIP: 16, RFLAGS: 17, CR0: 18, CR2: 19, CR3: 20, CR4: 21, CR8: 22, EFER: 23, SEGMENTS: 24, LDT: 48, TASK: 52,
  GDT: 56, IDT: 58, STAR: 60, LSTAR: 61, CSTAR: 62, FMASK: 63, KERNEL_GS_BASE: 64, TSC_AUX: 65, SYSENTER: 66,
  DEBUG: 69, CPL: 75, NMI_BLOCKED: 76, INTERRUPT_SHADOW: 77, MCG_STATUS: 78,
};

/** enum engine_event */
export const Event = { EXCEPTION: 0, INTERRUPT: 1, NMI: 2, SOFTWARE: 3 };

/** Bytes of struct engine_vector_state and struct engine_run. */
export const VECTOR_SIZE = 424;
export const RUN_SIZE = 64;

/** Its exports, in a memory of their own. Nothing is imported. */
export async function instantiate(module) {
  const { exports } = await WebAssembly.instantiate(module, {});
  exports._initialize();
  return exports;
}

/** One processor with buffers for what crosses the border. */
export class Engine {
  constructor(exports, size) {
    this.exports = exports;
    this.handle = exports.engine_open(SKYLAKE_SERVER);
    if (!this.handle) throw new Error("engine_open: no engine to be had");
    this.check("engine_map", exports.engine_map(this.handle, 0n, size));
    this.stateSize = exports.engine_state_size();
    this.statePointer = exports.engine_allocate(this.stateSize);
    this.vectorPointer = exports.engine_allocate(VECTOR_SIZE);
    this.runPointer = exports.engine_allocate(RUN_SIZE);
    this.stepPointer = exports.engine_allocate(exports.engine_step_size());
    this.buffer = exports.engine_allocate(size);
  }

  check(call, error) {
    if (error) throw new Error(`${call}: ${this.text(this.exports.engine_error_text(error))}`);
  }

  text(pointer) {
    const bytes = new Uint8Array(this.exports.memory.buffer, pointer);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }

  bytes(pointer, size) {
    return new Uint8Array(this.exports.memory.buffer, pointer, size);
  }

  words(pointer, size) {
    return new BigUint64Array(this.exports.memory.buffer, pointer, size / 8);
  }

  write(address, bytes) {
    this.bytes(this.buffer, bytes.length).set(bytes);
    this.check("engine_write", this.exports.engine_write(this.handle, BigInt(address), this.buffer, bytes.length));
  }

  read(address, size) {
    this.check("engine_read", this.exports.engine_read(this.handle, BigInt(address), this.buffer, size));
    return this.bytes(this.buffer, size);
  }

  /** A copy of struct engine_state. */
  state() {
    this.exports.engine_state_get(this.handle, this.statePointer);
    return this.words(this.statePointer, this.stateSize).slice();
  }

  setState(words) {
    this.words(this.statePointer, this.stateSize).set(words);
    this.exports.engine_state_set(this.handle, this.statePointer);
  }

  flush() {
    this.check("engine_flush", this.exports.engine_flush(this.handle));
  }

  /** Runs up to `count` instructions; with a record, the states before the first `capacity` and the stores between them. */
  run(count, exceptions, capacity = 0) {
    const size = this.stateSize + 8;
    const pointer = capacity ? this.exports.engine_allocate(capacity * size) : 0;
    this.exports.engine_run(this.handle, count, exceptions, pointer, capacity, this.runPointer);
    const records = Array.from({ length: capacity }, (_, index) => this.words(pointer + index * size, size).slice());
    if (capacity) this.exports.engine_free(pointer);
    return { ...this.result(this.runPointer), ...(capacity && { records }) };
  }

  /** Executes one instruction. */
  step() {
    this.exports.engine_step(this.handle, this.stepPointer);
    return this.result(this.stepPointer);
  }

  /** Delivers an event through the IDT; how that ended. */
  deliver(vector, errorCode, event) {
    this.exports.engine_deliver(this.handle, vector, errorCode, event, this.stepPointer);
    return this.result(this.stepPointer).end;
  }

  /** A struct engine_run. */
  result(pointer) {
    const [end, instructions, delivered, vector, errorCode, , error] = [...this.words(pointer, RUN_SIZE)].map(Number);
    return { end, instructions, delivered, vector, errorCode, error };
  }

  close() {
    for (const pointer of [this.statePointer, this.vectorPointer, this.runPointer, this.stepPointer, this.buffer]) {
      this.exports.engine_free(pointer);
    }
    this.exports.engine_close(this.handle);
  }
}
