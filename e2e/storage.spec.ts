import { test, expect, expectStep, address, opened, step, macro, expectText, openEditor } from "./page";

/** Ways in which a browser keeps nothing. */
const REFUSALS = {
  "cookies are blocked": () => {
    const get = () => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { get });
  },
  "the quota is full": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("Exceeded the quota.", "QuotaExceededError");
    };
  },
  "there is no storage": () => {
    Object.defineProperty(window, "localStorage", { value: null });
  },
};

for (const [name, refusal] of Object.entries(REFUSALS)) {
  test(`the page works and forgets where ${name}`, async ({ page }) => {
    await page.addInitScript(refusal);
    await opened(page);
    const before = await step(page);
    await page.keyboard.press("j");
    await expectStep(page, before + 1);
    await page.getByRole("button", { name: /switch to light/ }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
    const warning = page.locator(".warning");
    await openEditor(page);
    await expect(warning).toHaveText("");
    const area = macro(page);
    await area.fill(".macro RESTORE_CR3\n.endm\n");
    await expect(warning).toContainText("The browser stores nothing for this page.");
    await page.keyboard.press("Escape");
    await openEditor(page);
    await expectText(page, ".macro RESTORE_CR3\n.endm\n");
    await page.getByRole("button", { name: "Run it right" }).click();
    await expect(warning).toHaveText("");
    expect(await address(page)).toContain("&c=");
    await page.reload();
    await expect(page.locator("html")).not.toHaveAttribute("data-theme");
    await openEditor(page);
    await expectText(page, ".macro RESTORE_CR3\n.endm\n");
  });
}

test("what earlier versions of the page stored still counts", async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem("cr3-theme", '"dark"');
    localStorage.setItem("cr3-shortcuts", "false");
  });
  await opened(page);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  const before = await step(page);
  await page.keyboard.press("j");
  await expectStep(page, before);
  await page.keyboard.press("ArrowDown");
  await expectStep(page, before + 1);
});

test("what is stored is damaged: the page opens without it", async ({ page }) => {
  await page.addInitScript(() => {
    for (const name of ["cr3-theme", "cr3-shortcuts", "cr3-drafts"]) localStorage.setItem(name, "{");
  });
  await opened(page);
  await openEditor(page);
  await expectText(page, "");
});
