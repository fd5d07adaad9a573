// Small windows, large letters, fingers: what a person works with stays in sight, and is large enough to hit.
import { test, expect, closeDialog, opened, search } from "./page";
import type { Page } from "@playwright/test";

/** Zoom makes a window of fewer CSS pixels: 1280 × 1024 at 200 % and at 400 %, phones upright and on their sides. */
const WINDOWS = [
  [640, 512],
  [320, 256],
  [740, 360],
  [360, 640],
  [320, 568],
] as const;

async function widerThanTheWindow(page: Page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** How much of the window bars take that stay where they are when the page scrolls. */
async function heightOfBars(page: Page) {
  return page.evaluate(() => {
    const sticks = [...document.querySelectorAll(".page *")].filter((it) => {
      const { position, display } = getComputedStyle(it);
      return display !== "none" && (position === "sticky" || (position === "fixed" && !it.matches(".explanation")));
    });
    return sticks.reduce((sum, it) => sum + it.getBoundingClientRect().height, 0);
  });
}

for (const [width, height] of WINDOWS) {
  test(`at ${width} × ${height} nothing scrolls sideways, and the step at hand is in sight`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page);
    expect(await widerThanTheWindow(page)).toBe(0);
    if (height < 480) expect(await heightOfBars(page)).toBeLessThanOrEqual(48);
    const row = page.locator(".runs .row.current");
    await page.locator(".runs .rows").scrollIntoViewIfNeeded();
    await page.keyboard.press("j");
    await page.locator(".runs .rows").evaluate((it) => it.scrollIntoView({ block: "nearest" }));
    await expect(row).toBeInViewport();
    const [box, bar] = [(await row.boundingBox())!, (await page.locator(".transport").boundingBox())!];
    const fixed = await page.locator(".transport").evaluate((it) => getComputedStyle(it).position === "fixed");
    if (fixed) expect(box.y + box.height).toBeLessThanOrEqual(bar.y + 0.5);
    // What there is room for is still there.
    await expect(page.locator(".question > p")).toBeVisible();
  });
}

for (const [width, height] of [[740, 360], [360, 640]] as const) {
  test(`at ${width} × ${height} the step at hand is in sight from the start`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page);
    await expect(page.locator(".runs .row.current")).toBeInViewport({ ratio: 0.9 });
  });
}

for (const [width, height] of [[740, 360], [844, 390]] as const) {
  test.describe(`a phone on its side, ${width} × ${height}`, () => {
    test.use({ viewport: { width, height }, hasTouch: true, isMobile: true });

    test("the step at hand is in sight from the start", async ({ page }) => {
      await opened(page);
      await expect(page.locator(".runs .row.current")).toBeInViewport({ ratio: 0.7 });
    });
  });
}

test("dialogs do not scroll sideways on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 568 });
  await opened(page);
  const tooWide = () => page.locator("dialog .content").evaluate((it) => it.scrollWidth - it.clientWidth);
  await search(page, "cr3");
  await expect(page.locator(".find li").first()).toBeVisible();
  expect(await tooWide()).toBe(0);
  await closeDialog(page);
  for (const name of ["Own macro", "Report"]) {
    await page.getByRole("button", { name }).first().click();
    await expect(page.locator("dialog .content")).toBeVisible();
    expect(await tooWide(), name).toBe(0);
    await closeDialog(page);
  }
});

/** Everything that can be hit, and is smaller than `least` in a direction. Words of a sentence are as high as their line. */
async function tooSmall(page: Page, least: number) {
  return page.evaluate((least) => {
    const targets = [...document.querySelectorAll<HTMLElement>('button, select, input, summary, textarea, a[href], [role="slider"]')];
    const inSight = targets.filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.closest(".hidden"));
    const small = inSight.filter((it) => {
      const inSentence = it.matches("p .term, .prose .term, a[href]");
      const target = it.matches('input[type="checkbox"]') ? (it.closest("label") ?? it) : it;
      const { width, height } = target.getBoundingClientRect();
      return !inSentence && width > 0 && (width < least - 0.5 || height < least - 0.5);
    });
    return small.map((it) => {
      const { width, height } = it.getBoundingClientRect();
      return `${it.tagName} ${it.className} "${(it.getAttribute("aria-label") ?? it.textContent ?? "").slice(0, 30)}" ${width.toFixed(0)}×${height.toFixed(0)}`;
    });
  }, least);
}

const LINK = "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&t=skylake";

for (const width of [1440, 900]) {
  test(`targets have 24 px at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await opened(page, LINK);
    await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/);
    expect(await tooSmall(page, 24)).toEqual([]);
    for (const tab of ["Registers", "Stack"]) {
      await page.getByRole("button", { name: tab, exact: true }).click();
      expect(await tooSmall(page, 24)).toEqual([]);
    }
    // The claims are judged behind the page from then on.
    for (const name of [/assumptions/, /counterexample/, "Keys", "Own macro", "Claims"]) {
      await page.getByRole("button", { name }).first().click();
      expect(await tooSmall(page, 24), String(name)).toEqual([]);
      await closeDialog(page);
    }
  });
}

for (const [width, height] of [[1024, 768], [360, 740]] as const) {
  test.describe(`under a finger at ${width} × ${height}`, () => {
    test.use({ viewport: { width, height }, hasTouch: true, isMobile: true });

    test("targets have 44 px", async ({ page }) => {
      await opened(page, LINK);
      expect(await page.evaluate(() => matchMedia("(pointer: coarse)").matches)).toBe(true);
      await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/);
      expect(await tooSmall(page, 44)).toEqual([]);
      const panes = page.getByRole("group", { name: "Pane" });
      if (width < 700) {
        for (const pane of ["Code", "State"]) {
          await panes.getByRole("button", { name: pane }).tap();
          expect(await tooSmall(page, 44), pane).toEqual([]);
        }
      }
      expect(await widerThanTheWindow(page)).toBe(0);
    });
  });
}
