import { test, expect, address, opened, macro, textOf, expectText, withoutCode } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "off" });

const EMPTY = ".macro RESTORE_CR3\n.endm\n";
const BROKEN = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq \\save_reg, %cr33\n.endm\n";
const OTHER = "# another\n.macro PARANOID_RESTORE_CR3\n\tnop\n.endm\n";

for (const kind of ["in the editor of code", "in the plain text area"] as const) {
  test.describe(kind, () => {
    test.beforeEach(async ({ context }) => {
      if (kind === "in the plain text area") await withoutCode(context);
    });

    const verdict = (page: Page) => page.locator(".verdict");

    async function edit(page: Page) {
      await page.getByRole("button", { name: "Own macro" }).click();
      if (kind === "in the editor of code") await expect(page.locator(".cm-content")).toBeVisible();
    }

    /** A link in which the right side runs a text. */
    async function linkWith(page: Page, text: string) {
      await opened(page);
      await edit(page);
      await macro(page).fill(text);
      await page.getByRole("button", { name: "Run it right" }).click();
      const link = await address(page);
      await page.keyboard.press("Escape");
      await page.getByLabel("Form of the right run").selectOption("3");
      await edit(page);
      await macro(page).fill("");
      await page.keyboard.press("Escape");
      return link;
    }

    test("the editor has the focus when it opens, and gives it back", async ({ page }) => {
      await opened(page);
      await edit(page);
      await expect(macro(page)).toBeFocused();
      await page.keyboard.type("typed");
      await expectText(page, "typed");
      await page.keyboard.press("Escape");
      await expect(page.getByRole("button", { name: "Own macro" })).toBeFocused();
      await page.getByLabel("Form of the right run").selectOption("5");
      await expect(macro(page)).toBeFocused();
    });

    test("a text is checked while it is typed, before a side runs it", async ({ page }) => {
      await opened(page);
      await edit(page);
      await expect(verdict(page)).toHaveText(/^There is no text yet\./);
      await expect(macro(page)).toHaveAttribute("aria-invalid", "false");
      await macro(page).fill(BROKEN);
      await expect(verdict(page)).toHaveText("It does not assemble. Its side does not run it yet.");
      await expect(page.locator(".problem")).toHaveCount(1);
      await expect(page.locator(".problem")).toContainText("line 2, column 18");
      await expect(macro(page)).toHaveAttribute("aria-invalid", "true");
      await macro(page).fill(EMPTY);
      await expect(verdict(page)).toHaveText("It assembles. Press “Run it right” to use it.");
      await expect(page.locator(".problem")).toHaveCount(0);
      expect(await address(page)).not.toContain("&c=");
    });

    test("a text that nobody runs is kept when the dialog closes at once, over reload, and in another tab", async ({ page, context }) => {
      await opened(page);
      await edit(page);
      await macro(page).fill(BROKEN);
      await page.keyboard.press("Escape");
      await edit(page);
      await expectText(page, BROKEN);
      await page.keyboard.press("Escape");
      await page.reload();
      await edit(page);
      await expectText(page, BROKEN);
      await expect(page.locator(".problem")).toHaveCount(1);
      const tab = await context.newPage();
      await opened(tab);
      await edit(tab);
      await expectText(tab, BROKEN);
    });

    test("what is typed last is not lost to a reload", async ({ page }) => {
      await opened(page);
      await edit(page);
      await macro(page).fill("before");
      await expect(verdict(page)).toHaveText("It does not assemble. Its side does not run it yet.");
      await macro(page).fill("typed last");
      await page.reload();
      await edit(page);
      await expectText(page, "typed last");
      await expect(page.locator(".kept li")).toHaveCount(0);
    });

    test("what is typed into a text that runs is kept when the page ends before the link carries it", async ({ page }) => {
      await opened(page);
      await edit(page);
      await macro(page).fill(EMPTY);
      await page.getByRole("button", { name: "Run it right" }).click();
      await address(page);
      // What a reload does, before the pause is over, however slow the machine.
      const kept = await page.evaluate(async (text) => {
        document.querySelector<HTMLElement>(".cm-content, textarea:not([hidden])")!.focus();
        document.execCommand("selectAll");
        document.execCommand("insertText", false, text);
        // The editor of code hears from the document what is typed.
        await new Promise((resolve) => setTimeout(resolve, 0));
        window.dispatchEvent(new PageTransitionEvent("pagehide"));
        return JSON.parse(localStorage.getItem("cr3-drafts") ?? "[]");
      }, BROKEN);
      expect(kept).toEqual([BROKEN]);
    });

    test("a run that plays does not take back what is typed", async ({ page }) => {
      await opened(page, "v=1&at=0");
      await page.keyboard.press("Space");
      await edit(page);
      for (const text of ["a", "ab", "abc"]) {
        await macro(page).fill(text);
        await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 200)));
        expect(await textOf(page)).toBe(text);
      }
    });

    test("a link that carries a text runs it, and the kept text is offered", async ({ page, context }) => {
      const link = await linkWith(page, EMPTY);
      await edit(page);
      await macro(page).fill(OTHER);
      await page.keyboard.press("Escape");
      const tab = await context.newPage();
      await tab.goto(link);
      await edit(tab);
      await expectText(tab, EMPTY);
      await expect(verdict(tab)).toHaveText("It assembles, and runs.");
      await expect(tab.locator(".kept li code")).toHaveText(["# another"]);
      await tab.getByRole("button", { name: "Edit it: # another" }).click();
      await expectText(tab, OTHER);
      await expect(tab.locator(".kept li code")).toHaveText([".macro RESTORE_CR3"]);
      await tab.getByRole("button", { name: "Forget it: .macro RESTORE_CR3" }).click();
      await expect(tab.locator(".kept li")).toHaveCount(0);
    });

    test("two tabs keep their texts beside each other", async ({ page, context }) => {
      await opened(page);
      const tab = await context.newPage();
      await opened(tab);
      for (const [one, text] of [[page, EMPTY], [tab, OTHER], [page, BROKEN]] as const) {
        if (!(await macro(one).isVisible())) await edit(one);
        await macro(one).fill(text);
        await expect(verdict(one)).toHaveText(/(Press “Run it right” to use it|Its side does not run it yet)\.$/);
        await address(one);
      }
      const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("cr3-drafts") ?? "[]"));
      expect(kept).toEqual([BROKEN, OTHER]);
    });
  });
}
