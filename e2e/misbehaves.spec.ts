import { test, expect, expectStep, opened, step } from "./page";
import type { Page, Worker } from "@playwright/test";

const on = (page: Page) => page.getByRole("button", { name: "check with Unicorn" }).click();
const headline = (page: Page) => page.locator(".check .headline");
const AGREES = /^A: agrees on all \d+ steps; E: agrees on all \d+ steps$/;

/** A machine that does other things too takes its time. */
const PATIENT = { timeout: 20_000 };

/** Exports of Unicorn's module made to misbehave: a trap of WebAssembly, what stands for no memory, and one wrong result. */
const ALTERED = {
  trap: `engine_step: (step) => { let left = 100; return (...all) => (left-- > 0 ? step(...all) : trap()); }`,
  open: `engine_open: () => () => 0`,
  map: `engine_map: () => () => 1`,
  // Bit 0 of RAX, the first word of the state behind the eight of struct engine_run.
  wrong: `engine_step: (step, exports) => (engine, result) => {
    step(engine, result);
    if (++steps === 100) new BigUint64Array(exports.memory.buffer, result, 9)[8] ^= 1n;
  }`,
};

/** `(module (func (export "t") unreachable))` */
const TRAP = "0,97,115,109,1,0,0,0, 1,4,1,96,0,0, 3,2,1,0, 7,5,1,1,116,0,0, 10,5,1,3,0,0,11";

/** Alters the first `instances` of the module in each worker; returns a function that undoes it. */
async function altered(page: Page, alteration: string, instances: number) {
  const script = `
    const { Instance } = WebAssembly;
    const trap = new Instance(new WebAssembly.Module(Uint8Array.of(${TRAP}))).exports.t;
    const wrappers = { ${alteration} };
    let steps = 0;
    globalThis.made = 0;
    WebAssembly.Instance = function (module, imports) {
      const { exports } = new Instance(module, imports);
      if (globalThis.made++ >= ${instances}) return { exports };
      const replaced = Object.entries(wrappers).map(([name, wrap]) => [name, wrap(exports[name], exports)]);
      return { exports: { ...exports, ...Object.fromEntries(replaced) } };
    };
    WebAssembly.Instance.prototype = Instance.prototype;
  `;
  await page.route("**/worker/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: script + (await response.text()) });
  });
  return () => page.unroute("**/worker/worker.js");
}

/** The workers of the second CPU. Each worker has its role for a name. */
async function engines(page: Page) {
  // A worker that ends meanwhile has no name any more.
  const name = (worker: Worker) => worker.evaluate(() => self.name).catch(() => "ended");
  const workers = page.workers();
  const names = await Promise.all(workers.map(name));
  return workers.filter((_, at) => names[at] === "second CPU");
}

async function made(page: Page) {
  const [engine] = await engines(page);
  return engine!.evaluate(() => (globalThis as unknown as { made: number }).made);
}

test("an engine that traps is replaced, and the run begins again", async ({ page }) => {
  await altered(page, ALTERED.trap, 1);
  await opened(page);
  await on(page);
  await expect(headline(page)).toHaveText(AGREES, PATIENT);
  expect(await made(page)).toBe(2);
});

for (const [name, alteration, cause] of [
  ["traps again and again", ALTERED.trap, "cannot step: the WebAssembly module trapped: unreachable"],
  ["has no memory to start with", ALTERED.open, "cannot start: out of memory"],
  ["gets no memory for the image", ALTERED.map, "cannot map memory: No memory available"],
] as const) {
  test(`an engine that ${name} is reported with its cause, and the check works when it is switched on again`, async ({ page }) => {
    const mend = await altered(page, alteration, Infinity);
    await opened(page);
    await on(page);
    await expect(headline(page)).toContainText(`Unicorn 2.1.5 is unavailable: the second CPU ${cause}`, PATIENT);
    await expect(headline(page)).toContainText("Switch the check off and on");
    const before = await step(page);
    await page.keyboard.press("j");
    await expectStep(page, before + 1);
    await mend();
    await on(page);
    await expect(headline(page)).toHaveCount(0);
    await on(page);
    await expect(headline(page)).toHaveText(AGREES, PATIENT);
  });
}

test("a worker that does not start is reported with its cause, and the check works when it is switched on again", async ({ page }) => {
  await page.route("**/cr3-worker.js*", (route) => route.fulfill({ contentType: "text/javascript", body: `throw new Error("cut off");` }));
  await opened(page);
  await expect(page.locator('.judged[data-side="0"]')).toContainText("its worker stopped: Uncaught Error: cut off", PATIENT);
  await on(page);
  await expect(headline(page)).toContainText("Unicorn 2.1.5 is unavailable: its worker stopped: Uncaught Error: cut off", PATIENT);
  await page.unroute("**/cr3-worker.js*");
  await on(page);
  await on(page);
  await expect(headline(page)).toHaveText(AGREES, PATIENT);
});

test("the first disagreement stops the run and opens both states", async ({ page }) => {
  await altered(page, ALTERED.wrong, 1);
  await opened(page);
  await on(page);
  const dialog = page.getByRole("dialog", { name: "The two processors disagree" });
  await expect(dialog).toBeVisible(PATIENT);
  await expect(dialog.locator(".found li")).toHaveText([/^rax: ours 0x[0-9a-f]+, theirs 0x[0-9a-f]+$/]);
  await expect(dialog.locator("tr.differs th")).toHaveText(["rax"]);
  await expect(dialog.locator(".found p").first()).toHaveText(/ ([0-9a-f]{2} )*[0-9a-f]{2}, step 100$/);
  await page.keyboard.press("Escape");
  await expectStep(page, 100);
  await expect(page.locator(".rows .row.current .checked i").first()).toHaveText("≠");
  await expect(headline(page)).toHaveText(/^A: agrees on 99 of \d+ steps, and differs at the next; E: agrees on all \d+ steps$/, PATIENT);
});

test("the check can be switched off and on as often as one likes", async ({ page }) => {
  await opened(page);
  for (let time = 0; time < 8; time++) {
    await on(page);
    await expect(headline(page)).toHaveText(AGREES, PATIENT);
    expect(await engines(page)).toHaveLength(1);
    await on(page);
    await expect.poll(async () => (await engines(page)).length).toBe(0);
  }
});
