// SPDX-License-Identifier: GPL-2.0-only
// What replay.mjs and faults.mjs do in Node, a part of it in a browser; and the stand-alone page, used as a person would.
//
//   node --test browser.mjs       with UNICORN_WASM, BLOBS and CHROMIUM naming the module, blobs and a browser,
//                                 SEED, COUNT and BATCHES which blobs: COUNT of each of so many seeds

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";

const SEED = Number(process.env.SEED ?? 2);
const COUNT = Number(process.env.COUNT ?? 4000);
const BATCHES = Number(process.env.BATCHES ?? 1);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const TYPES = { html: "text/html", mjs: "text/javascript", wasm: "application/wasm" };

/** What the pages ask for, and where it is. */
const FILES = {
  "/empty.html": async () => "<!doctype html><title>empty</title>",
  "/engine.mjs": () => readFile(here("engine.mjs")),
  "/cases.mjs": () => readFile(here("cases.mjs")),
  "/unicorn.wasm": () => readFile(process.env.UNICORN_WASM),
  "/index.html": () => readFile(here("../standalone-page/index.html")),
  "/page.mjs": () => readFile(here("../standalone-page/page.mjs")),
  "/blobs": async (seed) => execFileSync(process.env.BLOBS, [seed, String(COUNT)], { maxBuffer: 1 << 30 }),
};

let server, browser, origin;

before(async () => {
  server = createServer(async ({ url }, response) => {
    const { pathname, search } = new URL(url, "http://localhost");
    const file = FILES[pathname];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[pathname.split(".").at(-1)] ?? "application/octet-stream" });
    response.end(await file(search.slice(1)));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  origin = `http://127.0.0.1:${server.address().port}`;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});

after(async () => {
  await browser?.close();
  server?.close();
});

async function open(path) {
  const page = await browser.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(origin + path);
  return { page, errors };
}

/** Replays COUNT blobs of a seed in the page. */
async function replayed(page, seed) {
  const { passed, blobs, reports, summary } = await page.evaluate(async ([seed, count]) => {
    const { Replay } = await import("/cases.mjs");
    const module = await WebAssembly.compileStreaming(fetch("/unicorn.wasm"));
    const all = new Uint8Array(await (await fetch(`/blobs?${seed}`)).arrayBuffer());
    let at = 0;
    const take = (size) => all.slice(at, (at += size));
    const reports = [];
    const replay = new Replay(module, take, (lines) => reports.push(lines));
    await replay.open();
    for (let index = 0; index < count; index++) await replay.next();
    return { blobs: replay.counts.blobs, passed: replay.passed(), reports, summary: replay.summary(seed) };
  }, [seed, COUNT]);
  assert.deepEqual(reports, [], summary);
  assert.equal(blobs, COUNT);
  assert.ok(passed, summary);
  console.log(`in the browser, ${summary}`);
}

test("random code is as native Unicorn executes it", async () => {
  for (let batch = 0; batch < BATCHES; batch++) {
    const { page } = await open("/empty.html");
    await replayed(page, SEED + batch);
    await page.close();
  }
});

test("1000 engines opened, run and closed leave memory as it was", async () => {
  const { page } = await open("/empty.html");
  const sizes = await page.evaluate(async () => {
    const { End, Engine, Exceptions, Field, instantiate } = await import("/engine.mjs");
    const exports = await instantiate(await WebAssembly.compileStreaming(fetch("/unicorn.wasm")));
    const sizes = [];
    for (let again = 0; again < 1000; again++) {
      const engine = new Engine(exports, 0x10000);
      const state = engine.state();
      state[Field.RIP] = 0x1000n;
      engine.setState(state);
      engine.write(0x1000, [0x90, 0xf4]);
      if (engine.run(9, Exceptions.STOP).end !== End.HALTED) throw new Error("the code did not halt");
      engine.close();
      sizes.push(exports.memory.buffer.byteLength);
    }
    return sizes;
  });
  assert.equal(sizes.at(-1), sizes[9], "no growth after the first");
  assert.ok(sizes.at(-1) < 48 << 20, `${sizes.at(-1)} bytes`);
});

test("the stand-alone page runs its loop and prints the registers", async () => {
  const { page, errors } = await open("/index.html");
  await page.getByRole("button").click();
  await page.getByRole("status").filter({ hasText: "million per second" }).waitFor();
  const speed = await page.getByRole("status").textContent();
  assert.match(speed, /^3000001 instructions, [0-9.]+ million per second$/);
  const registers = Object.fromEntries((await page.locator("#registers").textContent()).trim().split("\n").map((line) => line.trim().split(" ")));
  assert.deepEqual([registers.rax, registers.rcx].map((value) => parseInt(value, 16)), [1_000_000, 0]);
  assert.deepEqual(errors, []);
  console.log(`the stand-alone page: ${speed}`);
});
