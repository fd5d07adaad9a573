import { test, expect, expectAccessible, address, opened } from "./page";

test.use({ judging: "off" });

test("several handlers are put together in a sheet, listed, linked and taken apart", async ({ page }) => {
  await opened(page);
  const handler = page.locator(".setup").getByLabel("handler");
  await handler.selectOption("combine…");
  const sheet = page.getByRole("dialog", { name: "Handlers" });
  await expect(sheet.getByRole("checkbox")).toHaveCount(7);
  await expect(sheet.getByText("no kernel code does")).toHaveCount(3);
  await expectAccessible(page);
  await sheet.getByRole("checkbox", { name: /^pending-flush/ }).check();
  await sheet.getByRole("checkbox", { name: /^perf/ }).check();
  await expect(sheet.locator("code")).toHaveText("perf+pending-flush");
  await page.keyboard.press("Escape");
  await expect(sheet).toHaveCount(0);
  await expect(handler.locator("option:checked")).toHaveText("perf+pending-flush");
  await expect(page).toHaveURL(/h=perf%2Bpending-flush/);

  await page.reload();
  await expect(handler.locator("option:checked")).toHaveText("perf+pending-flush");
  await handler.selectOption("combine…");
  await expect(sheet.getByRole("checkbox", { name: /^perf/ })).toBeChecked();
  await sheet.getByRole("checkbox", { name: /^perf/ }).uncheck();
  await sheet.getByRole("checkbox", { name: /^pending-flush/ }).uncheck();
  await expect(sheet.locator("code")).toHaveText("quiet");
  await sheet.getByRole("button", { name: "Close" }).click();
  await expect(handler.locator("option:checked")).toHaveText("quiet");
  await expect(handler.locator("option")).toHaveCount(9);
});

test("closing the sheet without a choice changes nothing", async ({ page }) => {
  await opened(page);
  const before = await address(page);
  const handler = page.locator(".setup").getByLabel("handler");
  await handler.selectOption("combine…");
  await page.keyboard.press("Escape");
  await expect(handler.locator("option:checked")).toHaveText("quiet");
  expect(await address(page)).toBe(before);
});
