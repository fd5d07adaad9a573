// SPDX-License-Identifier: GPL-2.0-only
// Replays the cases of blobs.c in Node.
//
//   node replay.mjs unicorn.wasm blobs SEED COUNT

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { Replay } from "./cases.mjs";

const [wasm, blobs, seed, count] = process.argv.slice(2);

/** Hands out whole records of a stream. */
class Records {
  constructor(stream) {
    this.chunks = stream[Symbol.asyncIterator]();
    this.rest = Buffer.alloc(0);
  }

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

const native = spawn(blobs, [seed, count], { stdio: ["ignore", "pipe", "inherit"] });
const records = new Records(native.stdout);
const report = (lines) => console.error(lines.join("\n  "));
const replay = new Replay(await WebAssembly.compile(await readFile(wasm)), (size) => records.take(size), report);
await replay.open();
for (let index = 0; index < Number(count); index++) await replay.next();
console.log(replay.summary(seed));
if (!replay.passed()) process.exitCode = 1;
