// Searching as a person does it: / and a few letters.
import { test, expect, expectStep, expectAccessible, inEachScheme, opened, search, step } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "off" });

const START = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi&at=0";

const field = (page: Page) => page.getByRole("combobox", { name: /^Search steps/ });
const list = (page: Page) => page.getByRole("listbox", { name: "What the search finds" });
const found = (page: Page) => list(page).getByRole("option");
const chosen = (page: Page) => list(page).getByRole("option", { selected: true });

test("goes to an instruction and on to the next ones", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  await search(page, "swapgs");
  await expect(chosen(page)).toContainText("swapgs");
  const dialog = page.getByRole("dialog", { name: "Search" });
  await expect(dialog.getByRole("status")).toHaveText(/^1 of \d+$/);
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect(page.locator(".runs .row.current")).toContainText("swapgs");
  const first = await step(page);
  await page.keyboard.press("n");
  const second = await step(page);
  expect(second).toBeGreaterThan(first);
  await expect(page.locator(".runs .row.current")).toContainText("swapgs");
  await page.keyboard.press("N");
  await expectStep(page, first);
  await page.keyboard.press("N");
  await expect(page.getByRole("alert")).toContainText("There is no earlier step that the search finds.");
});

test("keys that follow at once reach what they open, however slow the page is", async ({ page }) => {
  await opened(page, START);
  const browser = await page.context().newCDPSession(page);
  await browser.send("Emulation.setCPUThrottlingRate", { rate: 20 });
  /** Does not wait for the page between two keys. */
  const typed = (keys: string) => Promise.all([...keys].map((key) => page.keyboard.down(key)));
  await typed("/swap");
  await expect(field(page)).toHaveValue("swap");
  await typed("gs");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".runs .row.current")).toContainText("swapgs");
  await browser.send("Emulation.setCPUThrottlingRate", { rate: 1 });
});

test("goes to a step by its number, to a label and to an address", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  await search(page, "41");
  await expect(found(page)).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expectStep(page, 41);
  await page.keyboard.press("/");
  await expect(field(page)).toHaveValue("41");
  await field(page).fill("exc_nmi+2");
  await page.keyboard.press("Enter");
  const there = await step(page);
  // The listing comes a frame later.
  await expect(page.locator(".code .row.current")).toHaveAttribute("title", /exc_nmi\+2/);
  await page.keyboard.press("Home");
  await page.keyboard.press("/");
  await field(page).fill("0xffffffff8");
  await expect(chosen(page)).toHaveCount(1);
  await page.keyboard.press("Escape");
  expect(there).toBeGreaterThan(1);
});

test("arrows move through what is found, and Escape leaves", async ({ page }) => {
  await opened(page, START);
  await page.getByRole("button", { name: "Search" }).click();
  await field(page).fill("cr3");
  await expect(found(page).first()).toBeVisible();
  expect(await found(page).count()).toBeLessThanOrEqual(8);
  const dialog = page.getByRole("dialog", { name: "Search" });
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(dialog.getByRole("status")).toHaveText(/^2 of \d+$/);
  await page.keyboard.press("ArrowUp");
  await expect(dialog.getByRole("status")).toHaveText(/^1 of \d+$/);
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Search" })).toBeFocused();
  await page.keyboard.press("/");
  await found(page).nth(2).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.locator(".runs .row.current")).toBeInViewport();
});

test("says when nothing is found, and what never runs is shown in the code", async ({ page }) => {
  await opened(page, START);
  await page.keyboard.press("n");
  await expect(page.getByRole("alert")).toContainText("No search is active: press / to start one.");
  await search(page, "swapgz");
  const dialog = page.getByRole("dialog", { name: "Search" });
  await expect(dialog.getByRole("status")).toHaveText("No step, label, address or instruction matches “swapgz”.");
  await expect(found(page)).toHaveCount(0);
  await page.keyboard.press("Enter");
  await expect(dialog).toBeVisible();
  await field(page).fill("asm_exc_double_fault");
  await expect(chosen(page)).toContainText("never runs");
  await page.keyboard.press("Enter");
  await expect(page.locator(".code .row.label", { hasText: /^asm_exc_double_fault:/ })).toBeInViewport();
});

for (const [width, height] of [[1440, 900], [390, 800]] as const) {
  test(`the search is accessible at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page, START);
    await page.getByRole("button", { name: "Search" }).click();
    await field(page).fill("cr3");
    await expect(found(page).first()).toBeVisible();
    await inEachScheme(page, expectAccessible);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
  });
}
