// SPDX-License-Identifier: GPL-2.0-only
// Replays the cases of blobs.c, which native Unicorn has executed, on the WebAssembly build: every register, x87, SSE,
// flag, control register, descriptor and byte of memory must be equal.
//
//   node replay.mjs unicorn.wasm blobs SEED COUNT

import { spawn } from "node:child_process";
import { Engine, Field, RUN_SIZE, VECTOR_SIZE, compile, instantiate } from "./engine.mjs";

const IMAGE = 0x10000;
const BLOB = 48;
const HEADER = 24;
const SHOWN = 10;

const [wasm, blobs, seed, count] = process.argv.slice(2);

/** Hands out whole records of a stream. */
class Records {
  constructor(stream) {
    this.chunks = stream[Symbol.asyncIterator]();
    this.rest = Buffer.alloc(0);
  }

  /** The next `size` bytes, at an address that 64-bit views can have. */
  async take(size) {
    while (this.rest.length < size) {
      const { value, done } = await this.chunks.next();
      if (done) throw new Error("blobs ended early");
      this.rest = this.rest.length ? Buffer.concat([this.rest, value]) : value;
    }
    const record = new Uint8Array(size);
    record.set(this.rest.subarray(0, size));
    this.rest = this.rest.subarray(size);
    return record;
  }
}

const words = (bytes) => new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);

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

const module = await compile(wasm);
let engine = new Engine(await instantiate(module), IMAGE);
const { stateSize } = engine;
const inputSize = HEADER + BLOB + stateSize + VECTOR_SIZE;
const outputSize = RUN_SIZE + stateSize + VECTOR_SIZE;

const native = spawn(blobs, [seed, count], { stdio: ["ignore", "pipe", "inherit"] });
const records = new Records(native.stdout);
const image = await records.take(IMAGE);

/** Executes a case; its output as blobs.c writes it, and memory. None when the module traps: then in a new instance on. */
async function run(input) {
  try {
    return execute(input);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    engine = new Engine(await instantiate(module), IMAGE);
    return null;
  }
}

function execute(input) {
  const { exports } = engine;
  const [address, exceptions, instructions] = words(input.subarray(0, HEADER));
  engine.write(0, image);
  engine.write(address, input.subarray(HEADER, HEADER + BLOB));
  engine.bytes(engine.statePointer, stateSize).set(input.subarray(HEADER + BLOB, HEADER + BLOB + stateSize));
  engine.bytes(engine.vectorPointer, VECTOR_SIZE).set(input.subarray(HEADER + BLOB + stateSize));
  exports.engine_state_set(engine.handle, engine.statePointer);
  exports.engine_vector_set(engine.handle, engine.vectorPointer);
  engine.flush();
  exports.engine_run(engine.handle, Number(instructions), Number(exceptions), 0, 0, engine.runPointer);
  exports.engine_state_get(engine.handle, engine.statePointer);
  exports.engine_vector_get(engine.handle, engine.vectorPointer);
  const output = new Uint8Array(outputSize);
  output.set(engine.bytes(engine.runPointer, RUN_SIZE));
  output.set(engine.bytes(engine.statePointer, stateSize), RUN_SIZE);
  output.set(engine.bytes(engine.vectorPointer, VECTOR_SIZE), RUN_SIZE + stateSize);
  return { output: words(output), memory: engine.read(0, IMAGE) };
}

async function compare(index, input, expected, changed) {
  const aborted = expected[0] === 1n;
  const result = await run(input);
  if (aborted || !result) {
    if (aborted && !result) return;
    report(index, input, [aborted ? "native Unicorn aborts, wasm does not trap" : "wasm traps, native Unicorn does not abort"]);
    return;
  }
  const { output, memory } = result;
  const wanted = image.slice();
  const wantedWords = words(wanted);
  for (let at = 0; at < changed.length; at += 2) wantedWords[Number(changed[at]) / 8] = changed[at + 1];
  const found = [];
  expected.subarray(1).forEach((value, at) => {
    if (output[at] !== value) found.push(`${name(at, stateSize)}: native ${value.toString(16)}, wasm ${output[at].toString(16)}`);
  });
  if (Buffer.compare(wanted, memory)) {
    const at = wanted.findIndex((byte, at) => byte !== memory[at]);
    found.push(`memory at ${at.toString(16)}: native ${wanted[at].toString(16)}, wasm ${memory[at].toString(16)}`);
  }
  if (found.length) report(index, input, found);
}

function report(index, input, found) {
  if (failures++ < SHOWN) {
    console.error(`case ${index} of seed ${seed}: ${Buffer.from(input.subarray(HEADER, HEADER + BLOB)).toString("hex")}`);
    for (const line of found) console.error(`  ${line}`);
  }
}

let failures = 0;
let instructions = 0n;
let exceptions = 0;
let stores = 0;
let aborts = 0;
for (let index = 0; index < Number(count); index++) {
  const input = await records.take(inputSize);
  const output = words(await records.take(8 + outputSize + 8));
  const changed = words(await records.take(16 * Number(output.at(-1))));
  aborts += output[0] === 1n;
  instructions += output[2];
  exceptions += output[1] === 3n || output[3] > 0n;
  stores += changed.length > 0;
  await compare(index, input, output.subarray(0, -1), changed);
}
console.log(
  `${count} blobs of seed ${seed}: ${instructions} instructions, ${exceptions} blobs with exceptions, ` +
    `${stores} that changed memory, ${aborts} that Unicorn itself gives up on; ${failures} differ`,
);
if (failures || instructions === 0n || exceptions === 0 || stores === 0) process.exitCode = 1;
