import { test, expect, expectStep, opened, ready, step } from "./page";

test.use({ judging: "off" });

test("steps both ways by key and by button", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&at=99");
  await expectStep(page, 100);
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("k");
  await expectStep(page, 101);
  await page.getByRole("button", { name: "Next step" }).click();
  await page.getByRole("button", { name: "Previous step" }).click();
  await page.getByRole("button", { name: "Previous step" }).click();
  await expectStep(page, 100);
  await page.getByRole("button", { name: "First step" }).click();
  await expectStep(page, 1);
  await expect(page.getByRole("button", { name: "Previous step" })).toBeDisabled();
});

test("goes from difference to difference and from CR3 write to CR3 write", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&f=pti,fsgsbase,nx&at=0");
  await page.keyboard.press("]");
  const first = await step(page);
  await expect(page.locator(".runs .differences .position")).toHaveText(/difference 1 of [2-9]/);
  await page.getByRole("button", { name: "Next difference" }).click();
  await expect(page.locator(".runs .differences .position")).toHaveText(/difference 2 of /);
  await page.keyboard.press("[");
  await expectStep(page, first);
  await page.keyboard.press("c");
  await expect(page.locator(".runs .row.current")).toContainText("%cr3");
  await page.keyboard.press("F");
  await expect(page.locator(".runs .row.current")).toContainText("flush");
});

test("the timeline is a slider for keys and pointer", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&at=99");
  const slider = page.getByRole("slider", { name: "Step" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 101);
  await page.keyboard.press("PageDown");
  await expectStep(page, 91);
  await page.keyboard.press("End");
  await expect(slider).toHaveAttribute("aria-valuenow", (await slider.getAttribute("aria-valuemax"))!);
  const box = (await slider.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.75, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.25, box.y + 20, { steps: 5 });
  await page.mouse.up();
  const last = Number(await slider.getAttribute("aria-valuemax"));
  expect(Math.abs((await step(page)) - last * 0.25)).toBeLessThan(last * 0.02);
  await expect(slider).toHaveAttribute("aria-valuetext", /^At step \d+ of \d+ in A, \d+ of \d+ in E\. /);
});

test("runs and pauses", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&at=10");
  await page.locator(".runs .rows").focus();
  await page.keyboard.press(" ");
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
  await expect.poll(() => step(page)).toBeGreaterThan(13);
  await page.keyboard.press(" ");
  await expect(page.getByRole("button", { name: "Run", exact: true })).toBeVisible();
  const stopped = await step(page);
  await page.waitForTimeout(400);
  await expectStep(page, stopped);
});

test("marks what the step changed, and says it", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await expect(page.locator(".cr3 .changed")).toContainText("1 in operand");
  await page.getByRole("button", { name: "Registers", exact: true }).click();
  await page.keyboard.press("k");
  const r14 = page.locator(".values tr", { hasText: /^r14/ });
  await expect(r14.locator(".changed")).toContainText("was ");
  await expect(page.locator(".page > p[role=status]")).toContainText(/^At step \d+ of \d+ in A, \d+ of \d+ in E\. /);
});

test("lists only differences, and says how many steps it hides", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: "differences", exact: true }).click();
  await expect(page.locator(".runs .spacer > .row")).toHaveCount(2);
  await expect(page.locator(".runs .filter")).toContainText(/\d+ hidden/);
  await page.getByRole("button", { name: "all", exact: true }).click();
  expect(await page.locator(".runs .spacer > .row").count()).toBeGreaterThan(10);
});

test("single letters can be switched off, and stay off", async ({ page }) => {
  await opened(page, "v=1&at=99");
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByRole("button", { name: "single-letter keys" }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await expectStep(page, 100);
  await page.reload();
  await ready(page);
  await page.keyboard.press("j");
  await expectStep(page, 100);
  await page.keyboard.press("ArrowDown");
  await expectStep(page, 101);
});
