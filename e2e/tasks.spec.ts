// Twelve tasks of a person without a mouse. Every key goes to the page as a keyboard sends it; nothing is clicked, and no
// element is focused by the test.
import { test, expect, opened, macro } from "./page";
import type { Page } from "@playwright/test";

/** The accessible name of what has the focus, as far as the page writes it. */
async function focused(page: Page) {
  return page.evaluate(() => {
    const active = document.activeElement;
    if (!active || active === document.body) return "body";
    const label = active.closest("label")?.textContent ?? "";
    return (active.getAttribute("aria-label") ?? (label || active.textContent) ?? "").trim();
  });
}

/** Presses Tab, or Shift and Tab, until something with this name has the focus. */
async function tabTo(page: Page, name: RegExp, key: "Tab" | "Shift+Tab" = "Tab") {
  for (let press = 0; press < 150; press++) {
    if (name.test(await focused(page))) return;
    await page.keyboard.press(key);
  }
  expect(await focused(page)).toMatch(name);
}

/** Chooses an entry of the list that has the focus, by its first letters. */
async function choose(page: Page, letters: string) {
  await page.keyboard.type(letters);
  await page.keyboard.press("Enter");
}

const headline = (page: Page) => page.locator("#headline");

test("opens a story", async ({ page }) => {
  await opened(page);
  await tabTo(page, /^Story/);
  await choose(page, "NMI in the exit");
  await expect(headline(page)).toHaveText("In the exit window the restore is needed, and both forms do it.");
  expect(await focused(page)).toMatch(/^Story/);
});

test("changes a form, and hears of it", async ({ page }) => {
  await opened(page);
  await tabTo(page, /^Form of the right run/);
  await choose(page, "B");
  await expect(page.getByRole("status").filter({ hasText: "Left runs form A, right runs form B2." })).toHaveCount(1);
  await expect(page.getByRole("status").filter({ hasText: "A and B2: exited, keeps all promises." })).toHaveCount(1);
});

test("injects at a place found by typing", async ({ page }) => {
  await opened(page, "v=1&s=&at=160");
  await tabTo(page, /^Go to a label/);
  await choose(page, "kernel_loop");
  await expect(page.locator(".code .row.label", { hasText: /^kernel_loop:/ })).toBeInViewport();
  await tabTo(page, /^Entry code$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: /^Inject at kernel_loop/ })).toBeVisible();
  await page.keyboard.press("n");
  await expect(page.locator(".strike")).toContainText("kernel_loop");
  expect(await focused(page)).not.toBe("body");
});

test("steps to the next difference, and learns when there is none", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&at=0");
  await page.keyboard.press("]");
  await expect(page.locator(".runs .row.current")).toHaveClass(/differs/);
  await expect(page.locator(".runs .row.current")).toHaveAttribute("aria-current", "step");
  await expect(page.locator('.runs [aria-current="step"]')).toHaveCount(1);
  for (let press = 0; press < 20; press++) await page.keyboard.press("]");
  await expect(page.getByRole("alert")).toContainText("There is no later difference.");
});

test("goes to the first broken promise", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi&at=0");
  await tabTo(page, /^restored at step \d+/);
  await page.keyboard.press("Enter");
  await expect(page.locator(".runs .row.current .mark.broken").first()).toContainText("restored");
  expect(await focused(page)).toMatch(/^restored at step/);
});

test("reads registers", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await tabTo(page, /^Registers$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^cpl$/);
  await expect(page.getByRole("tooltip")).toContainText("Current privilege level");
  await expect(page.locator(":focus")).toHaveAccessibleDescription(/Current privilege level/);
});

test("switches a feature", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await tabTo(page, /^INVPCID$/);
  await expect(page.getByRole("tooltip")).toContainText("the kernel flushes a user PCID at once");
  await page.keyboard.press("Space");
  await expect(page.locator(":focus")).toHaveAttribute("aria-pressed", "false");
  expect(page.url()).not.toBe("");
  expect(await focused(page)).toBe("INVPCID");
});

test("edits a macro", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await tabTo(page, /^Own macro$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Your own macro" })).toBeVisible();
  await expect(macro(page)).toBeFocused();
  await page.keyboard.type(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n");
  await tabTo(page, /^Run it right$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator(":focus")).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect(await focused(page)).toBe("Own macro");
  await expect(page.getByRole("status").filter({ hasText: "right runs form custom" })).toHaveCount(1);
});

test("runs the explorer and opens a counterexample", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=");
  await expect(page.getByRole("status").filter({ hasText: /never: a schedule breaks / })).toHaveCount(1);
  await tabTo(page, /^\d+ counterexamples?$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Counterexamples" })).toBeVisible();
  await tabTo(page, /^Open at the failing step: never/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".runs .row.current .mark.broken").first()).toBeVisible();
  expect(await focused(page)).not.toBe("body");
});

test("copies link and report", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened(page);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await page.keyboard.press("y");
  await expect.poll(copied).toContain("#v=1&a=A&b=E");
  await tabTo(page, /^Report$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Copy the report$/);
  await page.keyboard.press("Enter");
  await expect.poll(copied).toContain("CR3 writes");
  await expect(page.getByRole("alert")).toContainText("Report copied.");
});

test("checks with Unicorn", async ({ page }) => {
  await opened(page);
  await tabTo(page, /^check with Unicorn$/);
  await page.keyboard.press("Space");
  await expect(page.locator(".check .headline")).toHaveText(/^A: agrees on all \d+ steps; E: agrees on all \d+ steps$/, { timeout: 60_000 });
  expect(await focused(page)).toBe("check with Unicorn");
});

test("leaves every dialog, and is where it was", { tag: "@firefox" }, async ({ page }) => {
  test.setTimeout(120_000);
  await opened(page, "v=1&a=never&b=E&s=");
  await expect(page.getByRole("button", { name: /^\d+ counterexamples?$/ })).toBeVisible();
  for (const name of [/^Claims$/, /^What is not modelled/, /^About$/, /^Keys$/, /^Own macro$/, /^\d+ counterexamples?$/, /^under \d+ assumptions$/, /^Lines: /]) {
    await tabTo(page, name);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog"), String(name)).toBeVisible();
    // A term inside may be explained: the first Escape is for it.
    for (let press = 0; press < 2 && (await page.getByRole("dialog").count()) > 0; press++) await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    expect(await focused(page)).toMatch(name);
    await page.keyboard.press("Escape");
  }
});

test("what goes away leaves the focus near", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&s=kernel_loop%2B1:nmi%3Eexc_nmi%2B2:mc&at=160");
  await tabTo(page, /^Remove NMI/);
  await page.keyboard.press("Enter");
  await expect(page.locator(".strike")).toHaveCount(1);
  await expect.poll(() => focused(page)).not.toBe("body");
  await tabTo(page, /^Remove #MC/);
  await page.keyboard.press("Enter");
  await expect(page.locator(".strike")).toHaveCount(0);
  await expect(page.locator(".schedule :focus")).toHaveCount(1);
  await tabTo(page, /^Schedule as text$/);
  await page.keyboard.type("nowhere");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: /^Schedule not taken: / })).toHaveCount(1);
  expect(await focused(page)).toBe("Schedule as text");
});
