// SPDX-License-Identifier: GPL-2.0-only
// What goes wrong comes back as a value, and nothing that goes wrong outlives its engine.
//
//   node --test faults.mjs        with UNICORN_WASM naming the module

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "node:fs/promises";
import { End, Engine, Event, Exceptions, Field, instantiate } from "./engine.mjs";

const module = await WebAssembly.compile(await readFile(process.env.UNICORN_WASM));

const SIZE = 0x100000;
const CODE = 0x20000;
const HANDLER = 0x21000;
const STACK = 0x30000;
const IST = 0x38000;
const [GDT, IDT, TSS] = [0x5000, 0x6000, 0x7000];

const KERNEL = { cs: [0x08, 0xaf9b00], ss: [0x10, 0xcf9300], cpl: 0 };
const USER = { cs: [0x23, 0xaffb00], ss: [0x1b, 0xcff300], cpl: 3 };

const q = (...values) => new Uint8Array(BigUint64Array.from(values.map(BigInt)).buffer);

/** An engine with 1 MiB of memory, mapped to itself by 4-KiB pages up to `mapped`, and handlers that halt. */
async function machine(mode = KERNEL, mapped = SIZE) {
  const exports = await instantiate(module);
  const engine = new Engine(exports, SIZE);
  engine.write(0x1000, q(0x2007));
  engine.write(0x2000, q(0x3007));
  engine.write(0x3000, q(0x4007));
  engine.write(0x4000, new Uint8Array(0x1000));
  engine.write(0x4000, q(...Array.from({ length: mapped >> 12 }, (_, page) => (page << 12) | 7)));
  engine.write(GDT, q(0, 0x00af9b000000ffffn, 0x00cf93000000ffffn, 0x00cff3000000ffffn, 0x00affb000000ffffn));
  engine.write(TSS + 4, q(STACK - 0x1000));
  engine.write(TSS + 0x24, q(IST));
  for (let vector = 0; vector < 32; vector++) gate(engine, vector, vector === 2 || vector === 8 ? 1 : 0);
  engine.write(HANDLER, new Uint8Array(0x1000).fill(0xf4));
  setState(engine, mode);
  return engine;
}

function gate(engine, vector, stackTable) {
  const offset = BigInt(HANDLER + 16 * vector);
  const low = (offset & 0xffffn) | (8n << 16n) | (BigInt(stackTable) << 32n) | (0xee00n << 32n) | ((offset >> 16n) << 48n);
  engine.write(IDT + 16 * vector, q(low, 0));
}

function setState(engine, { cs, ss, cpl }) {
  const state = new BigUint64Array(engine.stateSize / 8);
  const segment = (index, selector, attributes, base = 0, limit = 0xffffffff) =>
    state.set([selector, base, limit, attributes].map(BigInt), Field.SEGMENTS + 4 * index);
  [ss, cs, ss, ss, [0, 0], [0, 0]].forEach(([selector, attributes], index) => segment(index, selector, attributes));
  state.set([0x28, TSS, 0x67, 0x8b00].map(BigInt), Field.TASK);
  state.set([GDT, 0x2f, IDT, 0x1ff].map(BigInt), Field.GDT);
  state[4] = BigInt(STACK);
  state[Field.RIP] = BigInt(CODE);
  state[Field.RFLAGS] = 0x202n;
  state[Field.CR0] = 0x80050033n;
  state[Field.CR3] = 0x1000n;
  state[Field.CR4] = 0x6b0n;
  state[Field.EFER] = 0xd01n;
  state[Field.STAR] = (8n << 32n) | (0x13n << 48n);
  state[Field.LSTAR] = BigInt(HANDLER);
  state[Field.FMASK] = 0x200n;
  state[Field.CPL] = BigInt(cpl);
  engine.setState(state);
}

function run(engine, code, { at = CODE, count = 100, exceptions = Exceptions.STOP } = {}) {
  engine.write(at, Uint8Array.from(code));
  const state = engine.state();
  state[Field.RIP] = BigInt(at);
  engine.setState(state);
  engine.flush();
  return engine.run(count, exceptions);
}

const read = (engine, address, words) =>
  [...new BigUint64Array(engine.read(address, 8 * words).slice().buffer)].map(Number);

const exception = (vector, errorCode, instructions) => ({
  end: End.EXCEPTION, instructions, delivered: 0, vector, errorCode, error: 0,
});

test("exceptions of guest code, with error code and CR2, as often as they come", async () => {
  const engine = await machine(USER, 0x80000);
  for (let again = 0; again < 3; again++) {
    // mov %al,0x90000: absent, written, by user
    assert.deepEqual(run(engine, [0x88, 0x04, 0x25, 0, 0, 9, 0]), exception(14, 6, 1));
    assert.equal(engine.state()[Field.CR2], 0x90000n);
    assert.equal(engine.state()[Field.RIP], BigInt(CODE));
    assert.equal(run(engine, [0x0f, 0x0b]).vector, 6);
    assert.equal(run(engine, [0x90, 0x06]).vector, 6, "PUSH ES is invalid in 64-bit mode");
    assert.deepEqual(run(engine, [0x90, 0xf4]), exception(13, 0, 2), "HLT is privileged");
  }
});

test("physical memory that is not there", async () => {
  const engine = await machine();
  engine.write(0x4000 + 8 * 0x50, q(0x40000007));
  const result = run(engine, [0x8a, 0x04, 0x25, 0, 0, 5, 0]);
  assert.equal(result.end, End.ERROR);
  assert.match(engine.text(engine.exports.engine_error_text(result.error)), /UC_ERR_READ_UNMAPPED/);
  assert.equal(run(engine, [0x90, 0xf4]).end, End.HALTED, "the engine goes on");
  assert.throws(() => engine.write(SIZE, [0]), /engine_write: .*UNMAPPED/);
  assert.throws(() => engine.check("engine_map", engine.exports.engine_map(engine.handle, 1n, 7)), /engine_map: /);
});

test("self-modifying code", async () => {
  const engine = await machine();
  // movb $0xc8, 1(%rip); inc %eax, which becomes dec %eax; hlt
  assert.equal(run(engine, [0xc6, 0x05, 0x01, 0, 0, 0, 0xc8, 0xff, 0xc0, 0xf4]).end, End.HALTED);
  assert.equal(engine.state()[0], 0xffffffffn);
  // The same, changed from outside after it has been translated.
  run(engine, [0xff, 0xc0, 0xf4]);
  engine.write(CODE, Uint8Array.from([0xff, 0xc8, 0xf4]));
  run(engine, [0xff, 0xc8, 0xf4]);
  assert.equal(engine.state()[0], 0xffffffffn);
});

test("code at the end of a page", async () => {
  const engine = await machine(KERNEL, 0x60000);
  const end = 0x60000;
  // QEMU translates ahead: a block that runs into an absent page faults before its first instruction.
  assert.deepEqual(run(engine, [0x90, 0x90], { at: end - 2 }), exception(14, 0x10, 0));
  // Alone in its block, an instruction that goes on in an absent page: nothing of it has happened.
  assert.deepEqual(run(engine, [0x48, 0xb8], { at: end - 2, count: 1 }), exception(14, 0x10, 0));
  assert.deepEqual([engine.state()[Field.RIP], engine.state()[Field.CR2]], [BigInt(end - 2), BigInt(end)]);
  // jmp *%rbx into it retires, then the fetch faults.
  const state = engine.state();
  state[3] = BigInt(end);
  engine.setState(state);
  assert.deepEqual(run(engine, [0xff, 0xe3]), exception(14, 0x10, 1));
  assert.equal(engine.state()[Field.RIP], BigInt(end));
  // inc %rax across two pages that are there
  assert.equal(run(engine, [0x48, 0xff, 0xc0, 0xf4], { at: 0x50000 - 2 }).end, End.HALTED);
});

test("delivery through the IDT: stacks, frames, error codes, privilege", async () => {
  const cases = [
    { mode: USER, code: [0x0f, 0x0b], vector: 6, stack: STACK - 0x1000, errorCode: [], back: 0 },
    { mode: USER, code: [0xcc], vector: 3, stack: STACK - 0x1000, errorCode: [], back: 1 },
    { mode: USER, code: [0xf4], vector: 13, stack: STACK - 0x1000, errorCode: [0], back: 0 },
    { mode: USER, code: [0x88, 0x04, 0x25, 0, 0, 9, 0], vector: 14, stack: STACK - 0x1000, errorCode: [6], back: 0 },
    { mode: KERNEL, code: [0x0f, 0x0b], vector: 6, stack: STACK, errorCode: [], back: 0 },
    { mode: KERNEL, code: [0x88, 0x04, 0x25, 0, 0, 9, 0], vector: 14, stack: STACK, errorCode: [2], back: 0 },
  ];
  for (const { mode, code, vector, stack, errorCode, back } of cases) {
    const engine = await machine(mode, 0x80000);
    const flags = Number(engine.state()[Field.RFLAGS]);
    const result = run(engine, code, { exceptions: Exceptions.DELIVER });
    const state = engine.state();
    const frame = [...errorCode, CODE + back, mode.cs[0], flags, STACK, mode.ss[0]];
    assert.deepEqual([result.end, result.delivered, result.vector], [End.HALTED, 1, vector]);
    assert.equal(state[4], BigInt(stack - 8 * frame.length), `vector ${vector}: RSP`);
    const found = read(engine, Number(state[4]), frame.length);
    found[errorCode.length + 2] &= ~0x10000; // RF, which a fault pushes set
    assert.deepEqual(found, frame, `vector ${vector}: frame`);
    assert.deepEqual([state[Field.CPL], state[Field.RIP]], [0n, BigInt(HANDLER + 16 * vector + 1)]);
  }
});

test("events from outside: NMI on its stack, double fault when delivery faults, shutdown", async () => {
  const engine = await machine(USER);
  engine.flush();
  assert.equal(engine.deliver(2, 0, Event.NMI), End.COUNT);
  let state = engine.state();
  assert.deepEqual([state[4], state[Field.NMI_BLOCKED], state[Field.CPL]], [BigInt(IST - 40), 1n, 0n]);
  assert.deepEqual(read(engine, IST - 40, 5), [CODE, 0x23, 0x202, STACK, 0x1b]);
  run(engine, [0x48, 0xcf], { count: 1 });
  state = engine.state();
  assert.deepEqual([state[4], state[Field.NMI_BLOCKED], state[Field.CPL]], [BigInt(STACK), 0n, 3n], "IRET unblocks");
  const interrupted = await machine(USER);
  interrupted.flush();
  assert.equal(interrupted.deliver(20, 0, Event.INTERRUPT), End.COUNT);
  state = interrupted.state();
  assert.deepEqual([state[4], state[Field.RFLAGS] & 0x200n], [BigInt(STACK - 0x1000 - 40), 0n]);
  const absent = await machine(USER);
  absent.write(IDT + 16 * 13, q(0, 0));
  absent.flush();
  assert.equal(absent.deliver(13, 0, Event.EXCEPTION), End.COUNT);
  assert.equal(absent.state()[4], BigInt(IST - 48), "#DF on its stack");
  absent.write(IDT, new Uint8Array(0x200));
  assert.equal(absent.deliver(13, 0, Event.EXCEPTION), End.SHUTDOWN);
});

test("error codes: #DB has none, #VC and #CP have theirs", async () => {
  for (const [vector, errorCode] of [[1, []], [29, [0x72]], [21, [3]]]) {
    const engine = await machine(USER);
    engine.flush();
    assert.equal(engine.deliver(vector, errorCode[0] ?? 0, Event.EXCEPTION), End.COUNT);
    const frame = [...errorCode, CODE, 0x23, 0x202, STACK, 0x1b];
    assert.deepEqual(read(engine, STACK - 0x1000 - 8 * frame.length, frame.length), frame, `vector ${vector}`);
  }
});

test("INT n is delivered after it has been raised, with the check of its gate", async () => {
  const engine = await machine(USER);
  assert.equal(run(engine, [0xcd, 0x14]).vector, 0x14);
  assert.equal(engine.deliver(0x14, 0, Event.SOFTWARE), End.COUNT);
  assert.deepEqual(read(engine, STACK - 0x1000 - 40, 5), [CODE + 2, 0x23, 0x202, STACK, 0x1b]);
});

test("how a run ends: HLT as the last instruction, without a limit, a triple fault", async () => {
  const halted = await machine();
  assert.equal(run(halted, [0x90, 0xf4], { count: 2 }).end, End.HALTED);
  assert.equal(run(halted, [0x90, 0xf4], { count: 1 }).end, End.COUNT);
  assert.equal(run(halted, [0x90, 0xf4], { count: 0 }).end, End.HALTED);
  const dead = await machine(USER);
  dead.write(IDT, new Uint8Array(0x200));
  const result = run(dead, [0x0f, 0x0b], { exceptions: Exceptions.DELIVER });
  assert.equal(result.end, End.SHUTDOWN);
});

test("a handler that cannot be fetched does not keep a run for ever", async () => {
  const engine = await machine();
  engine.write(0x4000 + 8 * (HANDLER >> 12), q(0));
  const result = run(engine, [0x0f, 0x0b], { exceptions: Exceptions.DELIVER, count: 50 });
  assert.deepEqual([result.end, result.delivered, result.vector], [End.EXCEPTION, 50, 14]);
});

test("a fresh engine is in 64-bit mode, and stays there when its state is set", async () => {
  const engine = new Engine(await instantiate(module), 0x10000);
  // inc %rax; hlt: in other modes the prefix is DEC
  engine.write(0x1000, [0x48, 0xff, 0xc0, 0xf4]);
  const state = engine.state();
  state[Field.RIP] = 0x1000n;
  engine.setState(state);
  assert.deepEqual([engine.run(0, Exceptions.STOP).end, engine.state()[0]], [End.HALTED, 1n]);
});

test("one step looks at nothing but its instruction", async () => {
  const engine = await machine(KERNEL, 0x60000);
  run(engine, [0x90], { count: 1 });
  // nop at the end of a page, before one that is absent; then it is fetched
  engine.write(0x60000 - 1, [0x90]);
  const state = engine.state();
  state[Field.RIP] = BigInt(0x60000 - 1);
  engine.setState(state);
  assert.deepEqual(engine.step(), { end: End.COUNT, instructions: 1, delivered: 0, vector: 0, errorCode: 0, error: 0 });
  assert.deepEqual(engine.step(), exception(14, 0x10, 0));
  assert.equal(engine.state()[Field.RIP], 0x60000n);
  // rep stosb: one iteration a step; hlt
  engine.write(CODE, [0xf3, 0xaa, 0xf4]);
  const again = engine.state();
  again[Field.RIP] = BigInt(CODE);
  again[1] = 2n;
  again[7] = BigInt(STACK);
  engine.setState(again);
  const ends = [0, 1, 2, 3].map(() => [engine.step().end, Number(engine.state()[Field.RIP]) - CODE]);
  assert.deepEqual(ends, [[End.COUNT, 0], [End.COUNT, 0], [End.COUNT, 2], [End.HALTED, 3]]);
});

test("a record has the state before each instruction and the stores between them", async () => {
  const engine = await machine();
  // mov %rax,(%rsp); inc %rax; push %rax; hlt
  const code = [0x48, 0x89, 0x04, 0x24, 0x48, 0xff, 0xc0, 0x50, 0xf4];
  engine.write(CODE, code);
  const state = engine.state();
  state[Field.RIP] = BigInt(CODE);
  engine.setState(state);
  engine.flush();
  const { end, records } = engine.run(10, Exceptions.STOP, 3);
  assert.equal(end, End.HALTED);
  const seen = records.map((words) => [Number(words[Field.RIP]) - CODE, Number(words[0]), Number(words.at(-1))]);
  assert.deepEqual(seen, [[0, 0, 0], [4, 0, 1], [7, 1, 0]], "only as many as there is room for");
});

test("SYSCALL", async () => {
  const engine = await machine(USER);
  assert.equal(run(engine, [0x0f, 0x05]).end, End.HALTED);
  const state = engine.state();
  assert.deepEqual([state[1], state[11], state[Field.CPL]], [BigInt(CODE + 2), 0x202n, 0n]);
  assert.deepEqual([state[Field.RIP], state[Field.RFLAGS] & 0x200n], [BigInt(HANDLER + 1), 0n]);
});

test("memory that cannot grow: no engine, or an error; those that are open go on", async () => {
  const engine = await machine();
  const open = [];
  // 4 GiB is all there is: each block is memory that the module has to grow by.
  let error = 0;
  for (let address = 1n << 32n; !error && open.length < 64; address += 1n << 30n) {
    error = engine.exports.engine_map(engine.handle, address, 0x10000000);
    open.push(address);
  }
  assert.notEqual(error, 0);
  assert.match(engine.text(engine.exports.engine_error_text(error)), /memory/i);
  assert.equal(run(engine, [0x90, 0xf4]).end, End.HALTED);
});

test("a trap is an exception of JavaScript, and a new instance goes on", async () => {
  const engine = await machine();
  assert.throws(() => engine.exports.engine_state_get(engine.handle, 0xfffffff0), WebAssembly.RuntimeError);
  const fresh = await machine();
  assert.equal(run(fresh, [0x90, 0xf4]).end, End.HALTED);
});

test("1000 engines opened, run and closed leave memory as it was", async () => {
  const exports = await instantiate(module);
  const sizes = [];
  for (let again = 0; again < 1000; again++) {
    const engine = new Engine(exports, 0x10000);
    const state = engine.state();
    state[Field.RIP] = 0x1000n;
    engine.setState(state);
    engine.write(0x1000, [0x90, 0xf4]);
    assert.equal(engine.run(9, Exceptions.STOP).end, End.HALTED);
    engine.close();
    sizes.push(exports.memory.buffer.byteLength);
  }
  assert.equal(sizes.at(-1), sizes[9], "no growth after the first");
  assert.ok(sizes.at(-1) < 48 << 20, `${sizes.at(-1)} bytes`);
});
