// Running as a person does it: at a pace, at once, backwards, to here, with stops.
import { test, expect, expectStep, expectAccessible, inEachScheme, opened, step } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "off" });

const START = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi&at=0";
const BREAKS = "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=0";

const halt = (page: Page) => page.locator(".sentence .halt");
const stop = (page: Page, name: string) => page.getByRole("group", { name: "Stops of a run" }).getByRole("button", { name, exact: true });
const pace = (page: Page, name: string) => page.getByRole("group", { name: "Steps a second" }).getByRole("button", { name, exact: true });

test("runs at three paces, and takes the steps that are due", async ({ page }) => {
  // The page's clock stands until the test moves it.
  await page.addInitScript(() => {
    const clock = window as unknown as { now: number };
    clock.now = 1_000_000;
    Date.now = () => clock.now;
  });
  await opened(page, START);
  for (const [name, milliseconds, steps] of [["1/s", 3000, 3], ["10/s", 2000, 20], ["100/s", 1000, 100]] as const) {
    await pace(page, name).click();
    await expect(pace(page, name)).toHaveAttribute("aria-pressed", "true");
    const before = await step(page);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
    await page.evaluate((by) => ((window as unknown as { now: number }).now += by), milliseconds);
    await expect.poll(() => step(page)).toBe(before + steps);
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(page.getByRole("button", { name: "Run", exact: true })).toBeVisible();
    await expectStep(page, before + steps);
  }
});

test("runs at once to each CR3 write, and back", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  await pace(page, "at once").click();
  await stop(page, "CR3 write").click();
  const forwards = [];
  for (;;) {
    await page.keyboard.press("Escape");
    await page.locator(".runs .rows").focus();
    await page.keyboard.press("Space");
    await expect(halt(page)).not.toBeEmpty();
    const words = (await halt(page).textContent())!;
    if (words.startsWith("Nothing stops it")) break;
    expect(words).toMatch(/^Stopped by CR3 write at step /);
    await expect(page.locator(".runs .row.current .mark").first()).toBeVisible();
    forwards.push(await step(page));
  }
  expect(forwards.length).toBeGreaterThan(3);
  await expect(page.getByRole("status").filter({ hasText: /^Nothing stops it: this is the last step\. / })).toHaveCount(1);
  const backwards = [];
  for (let press = 0; press < forwards.length; press++) {
    const before = await step(page);
    await page.keyboard.press("Shift+Space");
    // The page draws after the key.
    await expect.poll(() => step(page)).not.toBe(before);
    backwards.push(await step(page));
  }
  // A row in which only one side writes is counted in steps of the left side, wherever the run comes from.
  expect(backwards.reverse()).toEqual(forwards);
  await page.keyboard.press("j");
  await expect(halt(page)).toBeEmpty();
});

test("stops where a promise breaks", async ({ page }) => {
  await opened(page, BREAKS);
  await stop(page, "broken promise").click();
  await pace(page, "at once").click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(halt(page)).toHaveText(/^Stopped by broken promise at step \d+ /);
  await expect(page.locator(".runs .row.current .mark.broken").first()).toBeVisible();
});

test("a stop is set in the gutter, met at a pace, and taken away at its chip", async ({ page }) => {
  await opened(page, START);
  await page.getByLabel("Go to a label").selectOption("asm_exc_nmi");
  const set = page.getByRole("button", { name: "Stop at asm_exc_nmi+2", exact: true });
  await set.click();
  await expect(set).toHaveAttribute("aria-pressed", "true");
  await expect(stop(page, "asm_exc_nmi+2")).toHaveAttribute("aria-pressed", "true");
  await pace(page, "100/s").click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(halt(page)).toHaveText(/^Stopped by asm_exc_nmi\+2 at step /);
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeVisible();
  await stop(page, "asm_exc_nmi+2").click();
  await expect(stop(page, "asm_exc_nmi+2")).toHaveCount(0);
  await expect(set).toHaveAttribute("aria-pressed", "false");
});

test("the keyboard alone sets a stop, a pace, and runs to an instruction", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  for (let press = 0; press < 3; press++) await page.keyboard.press(">");
  await expect(page.getByRole("alert")).toContainText("This is the fastest pace.");
  await expect(pace(page, "at once")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("s");
  await expect(page.locator(".running .chip.at")).toHaveCount(1);
  await page.keyboard.press("s");
  await expect(page.locator(".running .chip.at")).toHaveCount(0);
  await page.getByLabel("Go to a label").selectOption("exc_nmi");
  const listing = page.getByRole("grid", { name: "Entry code" });
  await listing.focus();
  await page.keyboard.press("t");
  await expect(halt(page)).toHaveText(/^Ran to step /);
  await expect(page.locator(".code .row.current")).toHaveCount(1);
  const there = await step(page);
  await page.locator(".runs .rows").focus();
  await page.keyboard.press("End");
  await expect.poll(() => step(page)).not.toBe(there);
  await page.keyboard.press("s");
  await page.keyboard.press("Home");
  await expect.poll(() => step(page)).toBe(1);
  await page.keyboard.press("Shift+Space");
  await expect(page.getByRole("alert")).toContainText("This is the first step.");
  await page.keyboard.press("Space");
  await expect(halt(page)).toHaveText(/^Stopped by .+ at step /);
  expect(await step(page)).not.toBe(there);
});

test("the menu of an instruction runs there, and a click with Shift on a step does", async ({ page }) => {
  await opened(page, START);
  await pace(page, "at once").click();
  await page.getByLabel("Go to a label").selectOption("exc_nmi");
  await page.getByRole("button", { name: "Inject at exc_nmi+2", exact: true }).click();
  await page.getByRole("button", { name: "run to here" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(halt(page)).toHaveText(/^Ran to step /);
  const before = await step(page);
  await page.locator(".runs .row").last().click({ modifiers: ["Shift"] });
  await expect(halt(page)).toHaveText(/^Ran to step /);
  expect(await step(page)).toBeGreaterThan(before);
});

for (const [width, height] of [[1440, 900], [390, 800]] as const) {
  test(`stops and paces are accessible at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page, START);
    await page.keyboard.press("s");
    await stop(page, "flush").click();
    await pace(page, "at once").click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expect(halt(page)).not.toBeEmpty();
    await inEachScheme(page, expectAccessible);
  });
}
