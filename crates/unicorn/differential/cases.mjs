// SPDX-License-Identifier: GPL-2.0-only
// Replays cases of blobs.c, which native Unicorn has executed, on the WebAssembly build: every register, x87, SSE, flag,
// control register, descriptor and byte of memory must be equal. The same in Node and in a browser.

import { End, Engine, Field, RUN_SIZE, VECTOR_SIZE, instantiate } from "./engine.mjs";

const IMAGE = 0x10000;
const BLOB = 48;
const HEADER = 24;
const SHOWN = 10;

/** Of enum mode of blobs.c. */
const STEP = 2n;

/** Whether memory at the address is neither page tables, of which every run sets accessed bits, nor the blob's own page. */
const isData = (address) => address >= 0x5000n && (address < 0x8000n || address >= 0x9000n);

const words = (bytes) => new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
const hexadecimal = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const NAMES = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const RUN = ["end", "instructions", "exceptions", "vector", "error code", "software", "error", "address"];

/** The name of a word of the output: struct engine_run, engine_state, engine_vector_state. */
function name(index, stateSize) {
  if (index < RUN_SIZE / 8) return RUN[index];
  const state = index - RUN_SIZE / 8;
  if (state < 16) return NAMES[state];
  if (state < stateSize / 8) {
    const field = Object.entries(Field).findLast(([, first]) => first <= state);
    return `${field[0]}+${state - field[1]}`;
  }
  const vector = state - stateSize / 8;
  return vector < 32 ? `xmm${vector >> 1}[${vector & 1}]` : vector < 48 ? `x87[${(vector - 32) >> 1}][${vector & 1}]`
    : ["x87 control", "x87 status", "x87 top", "x87 tags", "mxcsr"][vector - 48];
}

/** Runs cases of one seed, and counts. */
export class Replay {
  /** `take(size)` gives the next bytes that blobs has written, at an address that 64-bit views can have. */
  constructor(module, take, report) {
    this.module = module;
    this.take = take;
    this.report = report;
    this.counts = { blobs: 0, instructions: 0n, exceptions: 0, stores: 0, aborts: 0, failures: 0 };
  }

  async open() {
    this.engine = new Engine(await instantiate(this.module), IMAGE);
    this.image = await this.take(IMAGE);
  }

  /** The next case. */
  async next() {
    const { stateSize } = this.engine;
    const input = await this.take(HEADER + BLOB + stateSize + VECTOR_SIZE);
    const output = words(await this.take(8 + RUN_SIZE + stateSize + VECTOR_SIZE + 8));
    const changed = words(await this.take(16 * Number(output.at(-1))));
    const { counts } = this;
    counts.aborts += output[0] === 1n;
    counts.instructions += output[2];
    counts.exceptions += output[1] === BigInt(End.EXCEPTION) || output[3] > 0n;
    counts.stores += changed.some((address, at) => at % 2 === 0 && isData(address));
    const found = await this.compare(input, output.subarray(0, -1), changed);
    if (found.length && counts.failures++ < SHOWN) {
      this.report([`case ${counts.blobs}: ${hexadecimal(input.subarray(HEADER, HEADER + BLOB))}`, ...found]);
    }
    counts.blobs++;
  }

  async compare(input, expected, changed) {
    const aborted = expected[0] === 1n;
    const result = await this.run(input);
    if (aborted && !result) return [];
    if (aborted) return ["native Unicorn aborts, wasm does not trap"];
    if (!result) return ["wasm traps, native Unicorn does not abort"];
    return [...this.differences(result.output, expected.subarray(1)), ...this.memoryDifference(result.memory, changed)];
  }

  differences(output, expected) {
    const found = [];
    expected.forEach((value, at) => {
      if (output[at] === value) return;
      found.push(`${name(at, this.engine.stateSize)}: native ${value.toString(16)}, wasm ${output[at].toString(16)}`);
    });
    return found;
  }

  memoryDifference(memory, changed) {
    const wanted = this.image.slice();
    const wantedWords = words(wanted);
    for (let at = 0; at < changed.length; at += 2) wantedWords[Number(changed[at]) / 8] = changed[at + 1];
    const at = words(memory).findIndex((word, index) => word !== wantedWords[index]);
    return at < 0 ? [] : [`memory at ${(8 * at).toString(16)}: native ${wantedWords[at].toString(16)}, wasm ${words(memory)[at].toString(16)}`];
  }

  /** Executes a case; its output as blobs.c writes it, and memory. None when the module traps: then in a new instance on. */
  async run(input) {
    try {
      return this.execute(input);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.engine = new Engine(await instantiate(this.module), IMAGE);
      return null;
    }
  }

  execute(input) {
    const { engine, image } = this;
    const { exports, handle, stateSize } = engine;
    const [address, mode, count] = words(input.subarray(0, HEADER));
    engine.write(0, image);
    engine.write(address, input.subarray(HEADER, HEADER + BLOB));
    engine.bytes(engine.statePointer, stateSize).set(input.subarray(HEADER + BLOB, HEADER + BLOB + stateSize));
    engine.bytes(engine.vectorPointer, VECTOR_SIZE).set(input.subarray(HEADER + BLOB + stateSize));
    exports.engine_state_set(handle, engine.statePointer);
    exports.engine_vector_set(handle, engine.vectorPointer);
    engine.flush();
    const output = new Uint8Array(RUN_SIZE + stateSize + VECTOR_SIZE);
    output.set(mode === STEP ? this.steps(Number(count)) : this.whole(Number(count), Number(mode)));
    exports.engine_state_get(handle, engine.statePointer);
    exports.engine_vector_get(handle, engine.vectorPointer);
    output.set(engine.bytes(engine.statePointer, stateSize), RUN_SIZE);
    output.set(engine.bytes(engine.vectorPointer, VECTOR_SIZE), RUN_SIZE + stateSize);
    return { output: words(output), memory: engine.read(0, IMAGE) };
  }

  whole(count, exceptions) {
    const { engine } = this;
    engine.exports.engine_run(engine.handle, count, exceptions, 0, 0, engine.runPointer);
    return engine.bytes(engine.runPointer, RUN_SIZE);
  }

  steps(count) {
    const { engine } = this;
    let instructions = 0;
    for (let index = 0; index < count; index++) {
      const { end, instructions: begun } = engine.step();
      instructions += begun;
      if (end !== End.COUNT) break;
    }
    const result = engine.bytes(engine.stepPointer, RUN_SIZE).slice();
    words(result)[1] = BigInt(instructions);
    return result;
  }

  /** Whether every kind of case came up, and none differs. */
  passed() {
    const { instructions, exceptions, stores, failures } = this.counts;
    return failures === 0 && instructions > 0n && exceptions > 0 && stores > 0;
  }

  summary(seed) {
    const { blobs, instructions, exceptions, stores, aborts, failures } = this.counts;
    return `${blobs} blobs of seed ${seed}: ${instructions} instructions, ${exceptions} blobs with exceptions, ` +
      `${stores} that stored, ${aborts} that Unicorn itself gives up on; ${failures} differ`;
  }
}
