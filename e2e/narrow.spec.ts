import { test, expect, expectAccessible, opened, step } from "./page";

for (const width of [360, 390, 700, 1024]) {
  test(`nothing sticks out at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 780 });
    await opened(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide).toBe(0);
  });
}

test.describe("at 360 px", () => {
  test.use({ viewport: { width: 360, height: 740 }, hasTouch: true });

  test("shows one side at a time and moves under the thumb", async ({ page }) => {
    await opened(page);
    const current = page.locator(".runs .row.current");
    await expect(current.locator(".side-a")).toBeVisible();
    await expect(current.locator(".side-b")).toBeHidden();
    await page.getByRole("group", { name: "Run that is shown" }).getByRole("button", { name: "E" }).tap();
    await expect(current.locator(".side-b")).toBeVisible();
    await expect(current.locator(".side-a")).toBeHidden();
    const before = await step(page);
    await page.getByRole("button", { name: "Next step" }).tap();
    expect(await step(page)).toBe(before + 1);
    for (const button of await page.locator(".transport button:visible").all()) {
      const box = (await button.boundingBox())!;
      expect(box.height, await button.innerText()).toBeGreaterThanOrEqual(40);
      expect(box.y + box.height, "fixed at the bottom").toBeLessThanOrEqual(740);
    }
  });

  test("injects in the code pane", async ({ page }) => {
    await opened(page, "v=1&s=&at=165");
    const panes = page.getByRole("group", { name: "Pane" });
    await panes.getByRole("button", { name: "Code" }).tap();
    await page.getByRole("button", { name: /^Inject at kernel_loop/ }).first().tap();
    await page.getByRole("dialog").getByRole("button", { name: /NMI/ }).tap();
    await expect(page.locator(".runs .row.current .side-a")).toContainText("NMI strikes");
    await expect(page.locator(".pane.runs")).toBeVisible();
    await panes.getByRole("button", { name: "State" }).tap();
    await expect(page.locator(".cr3")).toBeVisible();
  });

  test("is accessible in every pane", async ({ page }) => {
    await opened(page);
    for (const pane of ["Code", "Runs", "State"]) {
      await page.getByRole("group", { name: "Pane" }).getByRole("button", { name: pane }).tap();
      await expectAccessible(page);
    }
  });
});
