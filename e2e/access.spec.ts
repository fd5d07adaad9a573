import { test, expect, closeDialog, expectAccessible, inEachScheme, opened, macro, openEditor } from "./page";

test("is accessible wherever the cursor is", async ({ page }) => {
  // Each look of axe reads the colours of a thousand elements.
  test.setTimeout(180_000);
  await opened(page);
  await inEachScheme(page, expectAccessible);
  await page.getByLabel("Story").selectOption("Never restore");
  for (const tab of ["TLB", "Registers", "Stack"]) {
    await test.step(tab, async () => {
      await page.getByRole("button", { name: tab, exact: true }).click();
      await inEachScheme(page, expectAccessible);
    });
  }
});

test("is accessible with something open", async ({ page }) => {
  test.setTimeout(180_000);
  await opened(page);
  await test.step("the menu of injections", async () => {
    await page.keyboard.press("i");
    await expect(page.getByRole("dialog")).toBeVisible();
    await inEachScheme(page, expectAccessible);
    await closeDialog(page);
  });
  await test.step("the keys", async () => {
    await page.keyboard.press("?");
    await inEachScheme(page, expectAccessible);
    await closeDialog(page);
  });
  await test.step("the limits", async () => {
    await page.getByRole("button", { name: "What is not modelled" }).click();
    await inEachScheme(page, expectAccessible);
    await closeDialog(page);
  });
  await test.step("the editor", async () => {
    await openEditor(page);
    await page.getByRole("button", { name: "Run it right" }).click();
    await expect(page.locator(".cm-content")).toBeVisible();
    await macro(page).fill("nonsense");
    await expect(page.locator(".problem").first()).toBeVisible();
    await inEachScheme(page, expectAccessible);
  });
});

test("every dialog is accessible", async ({ page }) => {
  test.setTimeout(300_000);
  await opened(page, "v=1&a=never&b=E&h=perf%2Bpending-flush&s=entry_SYSRETQ_unsafe_stack:nmi");
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/);
  await test.step("handlers", async () => {
    await page.getByLabel("handler").selectOption("combine…");
    await expect(page.getByRole("dialog", { name: "Handlers" })).toBeVisible();
    await inEachScheme(page, expectAccessible);
    await closeDialog(page);
  });
  // What is asked for by opening the last two goes on behind the page.
  const names = ["About", "Keys", /counterexamples?$/, /^under \d+ assumptions$/, /^Lines: /, "Claims"];
  for (const name of names) {
    await test.step(String(name), async () => {
      await page.getByRole("button", { name, exact: true }).click();
      await expect(page.getByRole("dialog")).toBeVisible();
      await inEachScheme(page, expectAccessible);
      await closeDialog(page);
    });
  }
});

test("is accessible while Unicorn checks", async ({ page }) => {
  test.setTimeout(120_000);
  await opened(page);
  await page.getByRole("button", { name: "check with Unicorn" }).click();
  await expect(page.locator(".check .headline")).toHaveText(/agrees on all/, { timeout: 60_000 });
  await inEachScheme(page, expectAccessible);
});

test("is accessible with a refusal and a damaged link", async ({ page }) => {
  await opened(page, "v=9&a=Z&s=kernel_loop%2B1:nmi%3Eexc_nmi%2B2:nmi");
  await expect(page.locator(".strike.refused")).toHaveCount(1);
  await inEachScheme(page, expectAccessible);
});

test("colours follow the system until a person chooses, and stay chosen", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await opened(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  expect(await ground()).not.toBe(dark);
  await page.getByRole("button", { name: /switch to light/ }).click();
  await page.getByRole("button", { name: /switch to dark/ }).click();
  expect(await ground()).toBe(dark);
  await page.reload();
  await expect(page.locator(".transport")).toBeVisible();
  expect(await ground()).toBe(dark);
});

test("the focus never gets lost or stuck", async ({ page }) => {
  await opened(page);
  const seen = new Set<string>();
  for (let press = 0; press < 150; press++) {
    await page.keyboard.press("Tab");
    const where = await page.evaluate(() => {
      const active = document.activeElement;
      return active && active !== document.body ? (active.getAttribute("aria-label") ?? active.textContent ?? active.tagName) : "body";
    });
    seen.add(where);
    if (where === "body" && press > 10) break;
  }
  for (const name of ["Share", "Swap the forms", "Step", "Entry code", "Aligned steps", "Next step"]) {
    expect([...seen].filter((where) => where.includes(name)), name).not.toEqual([]);
  }
  expect(seen.size).toBeGreaterThan(25);
});
