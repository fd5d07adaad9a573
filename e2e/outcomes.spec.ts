import { spawnSync } from "node:child_process";
import { test, expect, expectStep, expectAccessible, opened, step } from "./page";
import type { Page } from "@playwright/test";

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

const NEVER = "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi";

const outcome = (page: Page, side: 0 | 1) => page.locator(`.outcomes .whole .outcome[data-side="${side}"]`);

test("a broken promise is in sight beside the counters, and a click goes to its step", async ({ page }) => {
  await opened(page, NEVER);
  await expect(outcome(page, 0)).toHaveText(/^never\s*the program exited after \d+ steps\s*breaks\s*restored at step \d+\s*user-cr3 at step \d+$/);
  await expect(outcome(page, 1)).toHaveText(/^E\s*the program exited after \d+ steps\s*user-cr3, kernel-cr3, restored, no-stale, flush-kept, regs, gs, mapped and nested held in this run$/);
  const run = spawnSync(cr3play, ["run", "--form", "never", "--inject", "entry_SYSRETQ_unsafe_stack:nmi", "--steps", "none", "--json"]);
  const broken = JSON.parse(run.stdout.toString()).broken[0];
  await outcome(page, 0).getByRole("button", { name: /restored at step/ }).click();
  await expectStep(page, broken.step);
  await expect(page.locator(".runs .row.current .side-a")).toContainText("breaks restored");
  await expect(page.locator(".runs .row.current .side-a .number")).toHaveText(String(broken.step));
  await expect(page.locator(".timeline .events .broken")).toHaveCount(2);
  await expectAccessible(page);
});

test("runs that went astray show no savings", async ({ page }) => {
  await opened(page, NEVER);
  await expect(page.locator(".outcomes .reason")).toHaveText(/^Not comparable: never breaks restored at step \d+\.$/);
  for (const delta of await page.locator(".count .delta:not(:empty)").allTextContents()) expect(delta).toBe("(n/c)");
  await expect(page.locator('[data-counter="cr3_writes"] .delta')).toHaveText("(n/c)");
  await expect(page.locator(".counters .line .count").first().locator(".value")).toHaveText([/^\d+$/, /^\d+$/]);
  await opened(page, "v=1&s=kernel_loop%2B1:nmi");
  await expect(page.locator(".outcomes .reason")).toBeHidden();
  await expect(page.locator('[data-counter="cr3_writes"] .delta')).toHaveText("(−1)");
});

for (const [name, link, words, why] of [
  ["is cut", "v=1&a=E&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi", "the run was cut after 100000 steps", "E was cut after 100000 steps"],
  [
    "panics",
    "v=1&s=" + encodeURIComponent("do_syscall_64+3:nmi > exc_nmi:mc, exc_nmi+5:nmi, repeat_nmi+4:mc > asm_exc_machine_check:nmi"),
    "the kernel panicked after",
    "A ended in a kernel panic",
  ],
] as const) {
  test(`a run that ${name} says so, to readers too`, async ({ page }) => {
    await opened(page, link);
    await expect(outcome(page, 1)).toContainText(words);
    await expect(outcome(page, 1)).toHaveClass(/astray/);
    await expect(page.locator(".outcomes .reason")).toHaveText(`Not comparable: ${why}.`);
    await expect(page.getByRole("status").filter({ hasText: /^\w.*: .* Not comparable\.$/ })).toHaveCount(1);
  });
}

test("each side counts its own steps", async ({ page }) => {
  await opened(page);
  await page.keyboard.press("End");
  const [left, right] = [await step(page, 0), await step(page, 1)];
  expect(left).toBe(right + 2);
  await expect(page.locator(".transport .position")).toHaveText(`A step ${left} of ${left}E step ${right} of ${right}`);
  const { stdout } = spawnSync(cr3play, ["compare", "--inject", "kernel_loop+1:nmi", "--json"]);
  expect(JSON.parse(stdout.toString()).runs.map((run: { steps: number }) => run.steps)).toEqual([left, right]);
});

test("on a small screen one line says how the runs went, and opens", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await opened(page, NEVER);
  const short = page.locator(".outcomes .short");
  await expect(short.locator("summary")).toHaveText(/never\s*breaks restored and 1 more\s*E\s*exited, breaks no judged promise/);
  await expect(short.getByRole("button")).toBeHidden();
  await short.locator("summary").click();
  await expect(short.getByRole("button", { name: /user-cr3 at step/ })).toBeVisible();
  await expectAccessible(page);
});
