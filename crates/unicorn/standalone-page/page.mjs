// SPDX-License-Identifier: GPL-2.0-only
// The whole of what it takes to run x86-64 code with unicorn.wasm. Nothing is imported by the module.

const SKYLAKE_SERVER = 22;
const STOP_AT_EXCEPTIONS = 0;
const CODE = 0x1000;
const LOOPS = 1_000_000n;

//          inc %rax          sub $1, %rcx            jnz .-7     hlt
const code = [0x48, 0xff, 0xc0, 0x48, 0x83, 0xe9, 0x01, 0x75, 0xf7, 0xf4];

const NAMES = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags"];
const RCX = 1;
const RIP = 16;
const RUN_SIZE = 64;

async function open() {
  const response = await fetch("unicorn.wasm");
  if (!response.ok) throw new Error(`unicorn.wasm: ${response.status}`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {});
  instance.exports._initialize();
  return instance.exports;
}

function check(unicorn, error) {
  if (!error) return;
  const text = new Uint8Array(unicorn.memory.buffer, unicorn.engine_error_text(error), 80);
  throw new Error(new TextDecoder().decode(text.subarray(0, text.indexOf(0))));
}

function run(unicorn) {
  const engine = unicorn.engine_open(SKYLAKE_SERVER);
  if (!engine) throw new Error("no engine to be had");
  check(unicorn, unicorn.engine_map(engine, 0n, 0x10000));
  const bytes = unicorn.engine_allocate(code.length);
  new Uint8Array(unicorn.memory.buffer, bytes, code.length).set(code);
  check(unicorn, unicorn.engine_write(engine, BigInt(CODE), bytes, code.length));

  // A fresh engine is in 64-bit mode, without paging.
  const size = unicorn.engine_state_size();
  const pointer = unicorn.engine_allocate(size);
  const state = () => new BigUint64Array(unicorn.memory.buffer, pointer, size / 8);
  const result = unicorn.engine_allocate(RUN_SIZE);
  unicorn.engine_state_get(engine, pointer);
  state()[RCX] = LOOPS;
  state()[RIP] = BigInt(CODE);
  unicorn.engine_state_set(engine, pointer);

  const started = performance.now();
  unicorn.engine_run(engine, 0, STOP_AT_EXCEPTIONS, 0, 0, result);
  const seconds = (performance.now() - started) / 1000;
  unicorn.engine_state_get(engine, pointer);
  const instructions = new BigUint64Array(unicorn.memory.buffer, result, RUN_SIZE / 8)[1];
  const registers = NAMES.map((name, index) => `${name.padStart(6)} ${state()[index].toString(16).padStart(16, "0")}`);
  for (const memory of [bytes, pointer, result]) unicorn.engine_free(memory);
  unicorn.engine_close(engine);
  return { instructions, seconds, registers };
}

const unicorn = await open();
document.getElementById("run").addEventListener("click", () => {
  const { instructions, seconds, registers } = run(unicorn);
  const speed = Number(instructions) / seconds / 1e6;
  document.getElementById("speed").textContent = `${instructions} instructions, ${speed.toFixed(1)} million per second`;
  document.getElementById("registers").textContent = registers.join("\n");
});
