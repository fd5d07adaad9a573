import { test, expect, expectAccessible, inEachScheme, opened } from "./page";
import type { Locator, Page } from "@playwright/test";

const panel = ".explanation";

/** Moves the mouse over the middle of what is in sight. In Firefox, Playwright's own way scrolls there first. */
async function over(page: Page, it: Locator) {
  const { x, y, width, height } = (await it.boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 2);
}

test("a term explains itself under the mouse, at its focus and at a click, and moves nothing", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  const term = page.locator(".cr3 .term", { hasText: "user half" });
  const place = () => term.evaluate((it) => [it.getBoundingClientRect().x, it.getBoundingClientRect().y]);
  const before = await place();
  await expect(page.locator(panel)).toBeHidden();
  await over(page, term);
  await expect(page.locator(panel)).toContainText("The table of the pair that user mode runs on.");
  await expect(page.locator(panel)).toContainText("pti.rst");
  expect(await place()).toEqual(before);
  // The mouse may go over the panel, and what is beside both closes it.
  await over(page, page.locator(panel));
  await page.waitForTimeout(400);
  await expect(page.locator(panel)).toBeVisible();
  await page.mouse.move(2, 2);
  await expect(page.locator(panel)).toBeHidden();
  await over(page, term);
  await page.mouse.down();
  await page.mouse.up();
  await expect(page.locator(panel)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator(panel)).toBeHidden();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(term).toBeFocused();
  await expect(page.locator(panel)).toBeVisible();
  await expect(term).toHaveAccessibleDescription(/The table of the pair/);
  expect(await place()).toEqual(before);
});

test("Escape closes the explanation first, and then the dialog", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: /^under \d+ assumptions$/ }).click();
  const dialog = page.getByRole("dialog");
  // What a click opens is not covered by the explanation of what was clicked.
  await expect(dialog).toBeVisible();
  await expect(page.locator(panel)).toBeHidden();
  await dialog.locator(".id .term").first().click();
  await expect(page.locator(panel)).toContainText("does not schedule");
  await page.keyboard.press("Escape");
  await expect(page.locator(panel)).toBeHidden();
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("no label lacks an explanation", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&t=skylake&counters=all");
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/);
  await page.getByText(/^\d+ more$/).click();
  const labels = [
    ".features .chip", ".setup select", ".schedule > .name", ".strike .where", ".judged > b", ".verdicts .asks button", ".legend li",
    ".count dt", ".costs tbody th", ".inspector thead th:first-child", ".inspector .fields.cr3 tbody tr + tr th", ".outcome .promise",
    ".check > .chip", ".runs .filter .segments button", ".running .segments button", ".running .chip",
  ];
  const without = (selectors: string[]) =>
    page.evaluate(
      (all) =>
        all.flatMap((selector) => {
          const found = [...document.querySelectorAll(selector)];
          if (found.length === 0) return [`nothing is ${selector}`];
          const bare = found.filter((it) => !it.matches("[data-term], [data-here]") && !it.querySelector("[data-term], [data-here]"));
          return bare.map((it) => `${selector}: ${it.textContent}`);
        }),
      selectors,
    );
  expect(await without(labels)).toEqual([]);
  for (const [tab, rows] of [["Registers", ".fields.values tbody th"], ["Stack", ".fields.values thead th:first-child"], ["TLB", ".tlb .whose"]] as const) {
    await page.getByRole("button", { name: tab, exact: true }).click();
    expect(await without([rows])).toEqual([]);
  }
  // The letters and the words of an entry stand in each row; its pane explains them once, above.
  for (const word of ["rights", "fate"]) await expect(page.locator(`.tlb .whose [data-term="${word}"]`)).toBeVisible();
});

test("every term of the page has its words", async ({ page }) => {
  test.setTimeout(120_000);
  await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi");
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/);
  const keys = await page.evaluate(() => [...new Set([...document.querySelectorAll("button.term")].filter((it) => it.checkVisibility()).map((it) => (it as HTMLElement).dataset.term!))]);
  expect(keys.length).toBeGreaterThan(25);
  for (const key of keys) {
    await page.locator(`button.term[data-term="${key}"]:visible`).first().evaluate((it: HTMLElement) => it.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));
    const says = page.locator(`${panel} .says`);
    await expect(says, key).toHaveText(/^.+\.$/);
    if (await page.getByRole("dialog").count()) await page.keyboard.press("Escape");
    if (await page.getByRole("dialog").count()) await page.keyboard.press("Escape");
  }
});

test.describe("with a finger", () => {
  test.use({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

  test("a tap explains, and another place closes", async ({ page }) => {
    await opened(page);
    await page.getByRole("group", { name: "Pane" }).getByRole("button", { name: "State" }).tap();
    await page.locator(".cr3 .term", { hasText: "table pair" }).tap();
    await expect(page.locator(panel)).toContainText("side by side in 8 KiB");
    const box = (await page.locator(panel).boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(360);
    await page.locator(".transport .position").tap();
    await expect(page.locator(panel)).toBeHidden();
  });
});

test("an explanation is accessible", async ({ page }) => {
  await opened(page);
  await page.locator(".cr3 .term").first().click();
  await inEachScheme(page, async () => {
    await expect(page.locator(panel)).toBeVisible();
    await expectAccessible(page);
  });
});
