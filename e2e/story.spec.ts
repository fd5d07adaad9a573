import { test, expect, opened } from "./page";

test.use({ judging: "off" });

test("opens inside the story, where form A writes what form E skips", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await expect(page.getByRole("heading", { level: 2, name: "Same exception, one CR3 write fewer. Is it always safe?" })).toBeVisible();
  const current = page.locator(".runs .row.current");
  await expect(current.locator(".side-a")).toContainText("%cr3");
  await expect(current.locator(".side-a")).toContainText("no flush, redundant");
  await expect(current.locator(".side-b")).toHaveText("no step");
  await expect(page.locator(".sentence")).toContainText("writes CR3: same tables");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("every story runs on both sides", async ({ page }) => {
  await opened(page);
  const story = page.getByLabel("Story");
  const names = await story.locator("option").allTextContents();
  expect(names.length).toBe(18);
  for (const name of names) {
    await story.selectOption(name);
    await expect(page.locator(".strike.refused"), name).toHaveCount(0);
    await expect(page.locator(".strike").first(), name).toBeVisible();
    await expect(page.locator("[data-counter=cr3_writes] .value").first(), name).not.toHaveText("–");
  }
});

test("without the restore user mode faults on the kernel's tables", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await page.getByLabel("Story").selectOption("Never restore");
  await expect(page.locator("[data-counter=page_faults]")).toHaveClass(/differs/);
});

test("says what is not modelled", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: "What is not modelled" }).click();
  const sheet = page.getByRole("dialog");
  await expect(sheet).toContainText("no speculation");
  await expect(sheet).toContainText("Left out");
  await page.keyboard.press("Escape");
  await expect(sheet).toHaveCount(0);
});
