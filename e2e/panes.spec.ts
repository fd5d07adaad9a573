// Panes are resized by dragging and by keys, and remembered; the timeline is zoomed; relatives light up.
import { test, expect, expectStep, expectAccessible, inEachScheme, opened, search, step } from "./page";
import type { Locator, Page } from "@playwright/test";

test.use({ judging: "off" });

const START = "v=1&a=A&b=E&s=kernel_loop%2B1:nmi";

const line = (page: Page, name: string) => page.getByRole("separator", { name });
const width = async (pane: Locator) => Math.round((await pane.boundingBox())!.width);

async function drag(page: Page, it: Locator, by: number) {
  const { x, y, width, height } = (await it.boundingBox())!;
  const [fromX, fromY] = [x + width / 2, y + height / 2];
  await page.mouse.move(fromX, fromY);
  await page.mouse.down();
  for (let part = 1; part <= 5; part++) await page.mouse.move(fromX + (by * part) / 5, fromY);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))));
  await page.mouse.up();
}

/** docs/LIMITS.md, Browsers, says why Firefox needs help. */
async function doubleClick(it: Locator, browserName: string) {
  await it.dblclick();
  if (browserName === "firefox") await it.dispatchEvent("dblclick");
}

for (const [name, selector, way] of [["Width of the entry code", ".pane.code", 1], ["Width of the state", ".pane.inspector", -1]] as const) {
  test(`a pane is dragged wider and narrower, and stays so: ${name}`, { tag: "@firefox" }, async ({ page, browserName }) => {
    await page.setViewportSize({ width: 1600, height: 900 });
    await opened(page, START);
    const pane = page.locator(selector);
    const before = await width(pane);
    await drag(page, line(page, name), way * 60);
    await expect.poll(async () => Math.abs((await width(pane)) - before - 60)).toBeLessThanOrEqual(6);
    const wider = await width(pane);
    expect(Number(await line(page, name).getAttribute("aria-valuenow"))).toBe(wider);
    await page.reload();
    await expect(page.locator(".page:not(.shell, [aria-busy])")).toBeAttached();
    expect(await width(pane)).toBe(wider);
    await doubleClick(line(page, name), browserName);
    await expect.poll(() => width(pane)).toBe(before);
    await page.reload();
    await expect(page.locator(".page:not(.shell, [aria-busy])")).toBeAttached();
    expect(await width(pane)).toBe(before);
  });

  test(`keys resize a pane: ${name}`, { tag: "@firefox" }, async ({ page }) => {
    await page.setViewportSize({ width: 1600, height: 900 });
    await opened(page, START);
    const pane = page.locator(selector);
    const [before, at] = [await width(pane), await step(page)];
    await line(page, name).focus();
    const now = async () => Number(await line(page, name).getAttribute("aria-valuenow"));
    await page.keyboard.press(way > 0 ? "ArrowRight" : "ArrowLeft");
    await expect.poll(() => width(pane)).toBe(before + 16);
    expect(await now()).toBe(before + 16);
    await page.keyboard.press("Home");
    await expect.poll(now).toBe(Number(await line(page, name).getAttribute("aria-valuemin")));
    await expect.poll(() => width(pane)).toBe(await now());
    await page.keyboard.press("Enter");
    await expect.poll(() => width(pane)).toBe(before);
    // The arrows were for the line, not for the run.
    await expectStep(page, at);
  });
}

test("a line between panes is hit 11 px beside its middle, and not 16 px beside it", async ({ page }) => {
  await page.setViewportSize({ width: 1600, height: 900 });
  await opened(page, START);
  for (const name of ["Width of the entry code", "Width of the state"]) {
    const { x, y, width, height } = (await line(page, name).boundingBox())!;
    const hit = (by: number) =>
      page.evaluate(([x, y]) => document.elementFromPoint(x!, y!)?.getAttribute("aria-label"), [x + width / 2 + by, y + height / 2]);
    expect(await Promise.all([-11, 0, 11].map(hit))).toEqual([name, name, name]);
    expect(await Promise.all([-16, 16].map(hit))).not.toContain(name);
  }
});

test("the panes never push each other out of the window", async ({ page }) => {
  for (const wide of [1440, 1200, 1000, 720]) {
    await page.setViewportSize({ width: wide, height: 900 });
    await opened(page, START);
    for (const name of ["Width of the entry code", "Width of the state"]) {
      if (!(await line(page, name).isVisible())) continue;
      await line(page, name).focus();
      await page.keyboard.press("End");
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), `${wide}`).toBe(0);
    expect(await width(page.locator(".pane.runs"))).toBeGreaterThan(300);
    await page.evaluate(() => localStorage.removeItem("cr3-panes"));
  }
});

const slider = (page: Page) => page.getByRole("slider", { name: "Step" });
const zoom = (page: Page, name: string) => page.getByRole("group", { name: "Zoom of the timeline" }).getByRole("button", { name });
/** How many rows the timeline shows: the cursor is as wide as one of them. */
const shown = (page: Page) => page.locator(".track .cursor").first().evaluate((it) => 100 / parseFloat((it as HTMLElement).style.width));
const expectShown = (page: Page, rows: number) => expect.poll(async () => Math.abs((await shown(page)) / rows - 1)).toBeLessThan(0.02);

test("the timeline is zoomed by buttons, keys and a drag with Shift, and follows the step", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  const all = Number(await slider(page).getAttribute("aria-valuemax"));
  await expectShown(page, all);
  await zoom(page, "Zoom in").click();
  await expectShown(page, all / 2);
  await page.keyboard.press("+");
  await expectShown(page, all / 4);
  await page.keyboard.press("Home");
  await expectStep(page, 1);
  const { x, width: wide } = (await page.locator(".track").boundingBox())!;
  const cursor = (await page.locator(".track .cursor").boundingBox())!;
  expect(cursor.x).toBeGreaterThanOrEqual(x - 3);
  expect(cursor.x).toBeLessThan(x + wide / 2);
  await page.keyboard.press("0");
  await expectShown(page, all);
  await page.keyboard.press("0");
  await expect(page.getByRole("alert")).toContainText("The timeline shows all steps.");
  await page.keyboard.down("Shift");
  const { y, height } = (await page.locator(".track").boundingBox())!;
  await page.mouse.move(x + wide * 0.25, y + height / 3);
  await page.mouse.down();
  await page.mouse.move(x + wide * 0.5, y + height / 3, { steps: 4 });
  await expect(page.locator(".track .chosen")).toHaveCount(1);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0))));
  await page.mouse.up();
  await page.keyboard.up("Shift");
  await expect(page.locator(".track .chosen")).toHaveCount(0);
  await page.keyboard.press("j");
  await expectShown(page, all / 4);
  await zoom(page, "Show all steps").click();
  await expectShown(page, all);
});

test("at a hundred thousand steps each side uses its width", async ({ page }) => {
  await opened(page, "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi&at=50000");
  for (const side of [0, 1]) {
    const strip = page.locator(".strip").nth(side);
    // The runs come after the page: a worker assembles this text.
    await expect(strip.locator(".stretches i").first()).toBeAttached();
    const covered = await strip.evaluate((it) => {
      const { left, width } = it.getBoundingClientRect();
      const ends = [...it.querySelectorAll(".stretches i")].map((stretch) => stretch.getBoundingClientRect().right);
      return (Math.max(...ends) - left) / width;
    });
    expect(covered).toBeGreaterThan(0.99);
  }
});

const lit = (page: Page, within: string) => page.locator(`${within} [data-lit]`);

test("what belongs together lights up in the other panes", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, START);
  // CR3: the entries of its PCID, and the steps that write it.
  await page.locator(".cr3 tbody tr").first().hover();
  await expect(lit(page, ".tlb").first()).toBeVisible();
  await expect(lit(page, ".runs").first()).toContainText("%cr3");
  await page.locator(".entries tbody tr").first().hover();
  await expect(lit(page, ".tlb")).toHaveCount(0);
  // An instruction: its steps in sight.
  await page.locator(".code .row.current .text").hover();
  await expect(page.locator(".runs .row.current")).toHaveAttribute("data-lit", "");
  await page.mouse.move(2, 2);
  await expect(page.locator("[data-lit]")).toHaveCount(0);
  // A register, by keys: the statements that name it.
  await page.getByRole("button", { name: "Registers", exact: true }).click();
  await page.locator(".values .term", { hasText: /^r14$/ }).focus();
  await expect(lit(page, ".runs").first()).toContainText("%r14");
  // A word of the stack: the step that stored it.
  await page.getByRole("button", { name: "Stack", exact: true }).click();
  await search(page, "asm_exc_nmi+1");
  await expect(page.getByRole("dialog")).toContainText(/\d+ of \d+/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.locator(".values tbody tr").first().hover();
  await expect(lit(page, ".runs").first()).toBeVisible();
});

test("rows of the TLB and of the stack have the focus, and light up too", async ({ page }) => {
  await opened(page, START);
  const rows = page.locator(".inspector tr[tabindex]");
  await page.locator(".inspector .parts").focus();
  const active = () => page.evaluate(() => document.activeElement?.getAttribute("data-thing") ?? "");
  for (let press = 0; press < 12 && !(await active()).startsWith("pcid"); press++) await page.keyboard.press("Tab");
  await expect(rows.first()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(rows.nth(1)).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(rows.first()).toBeFocused();
  await expect(lit(page, ".cr3").first()).toBeVisible();
  const before = await step(page);
  await page.getByRole("button", { name: "Stack", exact: true }).click();
  await rows.nth(1).focus();
  await page.keyboard.press("ArrowDown");
  await expect(rows.nth(2)).toBeFocused();
  await expectStep(page, before);
});

test("a list with the focus lights up the relatives of its step", async ({ page }) => {
  await opened(page, START);
  await page.locator(".runs .rows").focus();
  await expect(lit(page, ".code")).toHaveCount(1);
  const before = await lit(page, ".code").textContent();
  await page.keyboard.press("ArrowUp");
  await expect(lit(page, ".code")).toHaveCount(1);
  await expect.poll(() => lit(page, ".code").textContent()).not.toBe(before);
});

test("lines between panes and lit parts are accessible", async ({ page }) => {
  await opened(page, START);
  await page.locator(".cr3 tbody tr").first().hover();
  await expect(lit(page, ".tlb").first()).toBeVisible();
  await inEachScheme(page, expectAccessible);
});
