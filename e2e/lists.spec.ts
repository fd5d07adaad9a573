import { test, expect, address, opened } from "./page";
import type { Locator, Page } from "@playwright/test";

test.use({ judging: "off" });

const LONG = "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi&at=500";

/** Whether a person sees the middle of the current row: it is in the window, and nothing lies above it. */
async function seesCurrentRow(page: Page) {
  return page.locator(".runs .row.current .number").first().evaluate((number) => {
    const { left, top, width, height } = number.getBoundingClientRect();
    return number === document.elementFromPoint(left + width / 2, top + height / 2);
  });
}

for (const [width, height] of [[1440, 540], [1440, 600], [1152, 720], [1024, 700], [1024, 800], [720, 800]]) {
  test(`the step at hand is seen in a window of ${width} × ${height}, and few rows are in the document`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page, LONG);
    expect(await seesCurrentRow(page), "opened").toBe(true);
    for (const key of ["j", "PageDown", "PageDown", "c", "End", "k", "Home", "f"]) {
      await page.keyboard.press(key);
      await expect.poll(() => seesCurrentRow(page), { message: key }).toBe(true);
    }
    expect(await page.locator(".runs .row").count()).toBeLessThan(60);
    expect(await page.locator(".code .row").count()).toBeLessThan(60);
  });
}

test("the step at hand stays in sight when the window changes", async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await opened(page, LONG);
  for (const [width, height] of [[1440, 600], [1440, 500], [900, 700], [650, 800], [1440, 900]]) {
    await page.setViewportSize({ width, height });
    await expect(page.locator(".runs .row.current")).toBeInViewport();
    expect(await page.locator(".runs .row").count()).toBeLessThan(60);
  }
});

test("a row that is asked for again is shown again", async ({ page }) => {
  await opened(page);
  await page.keyboard.press("End");
  const slider = page.getByRole("slider", { name: "Step" });
  const last = (await slider.getAttribute("aria-valuenow"))!;
  for (const again of ["End", "x"]) {
    await page.locator(".runs .rows").hover();
    await page.mouse.wheel(0, -9000);
    await expect(page.locator(".runs .row.current")).not.toBeInViewport();
    await page.keyboard.press(again);
    await expect(page.locator(".runs .row.current")).toBeInViewport();
  }
  await expect(slider).toHaveAttribute("aria-valuenow", last);
});

/** Whether both ends of an element are in the window, with nothing above them. */
async function seesWhole(element: Locator) {
  return element.evaluate((element) => {
    const { left, top, bottom, width } = element.getBoundingClientRect();
    return [top + 2, bottom - 2].every((y) => element.contains(document.elementFromPoint(left + width / 2, y)));
  });
}

test("the menu is whole and of the row that was pressed, wherever that is", async ({ page }) => {
  await opened(page, "v=1&s=&at=165");
  const listing = page.getByRole("grid", { name: "Entry code" });
  const start = await address(page);
  for (const down of [0, 12, 900]) {
    await page.locator(".code .rows").hover();
    await page.mouse.wheel(0, down === 900 ? 1e6 : down * 24);
    await page.waitForTimeout(400);
    // The last button that is seen.
    const name = await page.evaluate(() => {
      const { bottom } = document.querySelector(".code .rows")!.getBoundingClientRect();
      const buttons = [...document.querySelectorAll<HTMLElement>(".inject")];
      const seen = buttons.filter((button) => button.getBoundingClientRect().bottom <= bottom);
      return seen.at(-1)!.getAttribute("aria-label")!;
    });
    await page.getByRole("button", { name, exact: true }).click();
    const menu = page.getByRole("dialog", { name, exact: true });
    await expect.poll(() => seesWhole(menu)).toBe(true);
    await page.keyboard.press("Escape");
    await expect(listing).toBeFocused();
    await page.waitForTimeout(400);
    await page.keyboard.press("Enter");
    await expect.poll(() => seesWhole(menu)).toBe(true);
    await page.keyboard.press("Escape");
  }
  expect(start).not.toContain("pane=code");
  expect(await address(page)).not.toContain("pane=code");
});

test("one run alone is not said to be the same as none", async ({ page }) => {
  await opened(page, "v=1&a=custom&b=E&c=08tNTC7KV0gqys9OzeNSyMvPK04FIgXVtPx8LgA&show=differences");
  await expect(page.locator(".runs")).toContainText("One form does not run: there is nothing to compare.");
  await expect(page.locator(".runs .differences")).toContainText("nothing to compare");
  await expect(page.locator(".runs")).not.toContainText("the same in every step");
});

test("a listing that does not follow names what it shows", async ({ page }) => {
  const label = page.getByLabel("Go to a label").locator("option:checked");
  await opened(page);
  await expect(label).toHaveText("nmi_exit");
  await page.getByRole("button", { name: "Follow the current instruction" }).click();
  await page.keyboard.press("End");
  await expect(label).toHaveText("nmi_exit");
  await opened(page, "follow=no");
  await page.reload();
  await expect(page.locator(".code .row").first()).toContainText(".user.text");
  await expect(label).not.toHaveText("nmi_exit");
});
