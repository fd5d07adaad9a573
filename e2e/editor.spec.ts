import { test, expect, address, expectAccessible, expectText, inEachScheme, macro, opened, textOf, withoutCode, openEditor } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "off" });

const BROKEN = `.macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req
	ALTERNATIVE "jmp .Lend_\\@", "", X86_FEATURE_PTI
	movq	\\save_reg, %cr33
.Lend_\\@:
.endm
`;
const MENDED = BROKEN.replace("%cr33", "%cr3");

test("a pasted macro says its errors at their place, and runs once they are mended", async ({ page, context }) => {
  await opened(page);
  await openEditor(page);
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: "Run it right" }).click();
  const area = macro(page);
  await expectText(page, /PARANOID_RESTORE_CR3/);
  await area.fill(BROKEN);
  await expect(sheet.locator(".problem")).toContainText("line 3, column");
  await expect(sheet.locator(".problem")).toContainText("%cr33");
  await expect(area).toHaveAttribute("aria-invalid", "true");
  await area.fill(MENDED);
  await expect(sheet.locator(".problem")).toHaveCount(0);
  await expect(sheet).toContainText("It assembles, and runs.");
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-counter=flushing_cr3_writes] .right")).not.toHaveText("0");

  const other = await context.newPage();
  await other.goto(await address(page));
  await expect(other.getByLabel("Form of the right run")).toHaveValue("5");
  await expect(other.locator("[data-counter=flushing_cr3_writes] .right")).not.toHaveText("0");
  await other.getByRole("button", { name: "Own macro" }).click();
  await expectText(other, MENDED);
});

test("an endless loop in a pasted macro stops at a bound", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await page.getByRole("button", { name: "Run it right" }).click();
  await macro(page).fill(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n1:\tjmp 1b\n.endm\n");
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-counter=instructions] .right")).toHaveText(/^\d{5,}$/);
  await page.keyboard.press("End");
  await expect(page.locator(".runs .row.current")).toContainText("jmp");
});

test("a message stands at its exact place while a person types, and a key goes there", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await page.keyboard.insertText(BROKEN);
  await expect(page.locator(".cm-lintRange-error")).toHaveText("%cr33");
  await expect(page.locator(".cm-gutter-lint .cm-lint-marker-error")).toHaveCount(1);
  await page.keyboard.press("F8");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Backspace");
  await expect(page.locator(".cm-lintRange-error")).toHaveCount(0);
  await expectText(page, MENDED);
  await expect(page.locator(".verdict")).toHaveText("It assembles. Press “Run it right” to use it.");
});

test("names of the texts that run are completed", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  const offered = page.locator(".cm-tooltip-autocomplete li");
  for (const [typed, name] of [
    ["SAVE_AND_SW", "SAVE_AND_SWITCH_TO_KERNEL_CR3"],
    ["paranoid_ex", "paranoid_exit"],
    ["%cr", "%cr3"],
    ["X86_FEATURE_PC", "X86_FEATURE_PCID"],
    ["CONFIG_DEBUG_EN", "CONFIG_DEBUG_ENTRY"],
  ] as const) {
    await macro(page).fill("");
    await page.keyboard.type(typed);
    await expect(offered.filter({ hasText: name }).first()).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(offered).toHaveCount(0);
    await expect(page.getByRole("dialog")).toBeVisible();
  }
  await page.keyboard.press("Control+Space");
  await expect(offered.first()).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expectText(page, "CONFIG_DEBUG_ENTRY");
});

test("Enter is a new line, whatever is offered", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await page.keyboard.type("PARANOID_RESTORE");
  await expect(page.locator(".cm-tooltip-autocomplete li").first()).toBeVisible();
  await page.keyboard.press("Enter");
  await expectText(page, "PARANOID_RESTORE\n");
});

test("what was typed is taken back, and found", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await page.keyboard.type("one two one");
  await page.keyboard.press("Control+f");
  const search = page.locator(".cm-search");
  await search.getByRole("textbox", { name: "Find" }).pressSequentially("one");
  await expect(page.locator(".cm-searchMatch")).toHaveCount(2);
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(search).toHaveCount(0);
  await expect(page.getByRole("dialog")).toBeVisible();
  await expect(macro(page)).toBeFocused();
  await page.keyboard.press("Control+z");
  await expectText(page, "");
  await page.keyboard.press("Control+y");
  await expectText(page, "one two one");
});

test("Tab leaves the text, both ways", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await expect(macro(page)).toHaveAccessibleDescription(/Tab leaves the text/);
  await page.keyboard.press("Tab");
  await expect(macro(page)).not.toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await expect(macro(page)).toBeFocused();
  await page.keyboard.press("Shift+Tab");
  await expect(macro(page)).not.toBeFocused();
  await expectText(page, "");
});

test("brackets are matched, and tokens have colours, in both schemes and where colours are forced", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await macro(page).fill('#ifdef X\n.macro M a:req\nlabel:\tmovq \\a, 8(%rsp) /* why */\n.endm\n#endif\nnext: ALTERNATIVE "", "nop", X86_FEATURE_PTI');
  const colours = () =>
    page.evaluate(() => new Set([...document.querySelectorAll(".cm-line span")].map((span) => getComputedStyle(span).color)).size);
  await inEachScheme(page, async () => {
    expect(await colours()).toBeGreaterThanOrEqual(6);
    await expectAccessible(page);
  });
  await page.keyboard.type(" (%rax)");
  await expect(page.locator(".cm-matchingBracket")).toHaveText(["(", ")"]);
  await page.emulateMedia({ forcedColors: "active" });
  await expectAccessible(page);
});

test("the last text that assembled stays on display, marked as such", async ({ page }) => {
  await opened(page, "v=1&b=custom&at=250");
  await openEditor(page);
  await macro(page).fill(MENDED);
  await expect(page.locator(".verdict")).toHaveText("It assembles, and runs.");
  const writes = page.locator("[data-counter=cr3_writes] .right");
  const [before, at] = [await writes.textContent(), await page.locator(".transport .position").textContent()];
  await macro(page).fill(BROKEN);
  await expect(page.locator(".verdict")).toHaveText("It does not assemble. The last text that assembled stays on display.");
  await expect(page.locator(".runs .head .earlier")).toHaveText(["", "the last text that assembled"]);
  await expect(page.locator(".outcomes .whole .outcome[data-side='1'] .earlier")).toHaveText("the last text that assembled");
  expect([await writes.textContent(), await page.locator(".transport .position").textContent()]).toEqual([before, at]);
  await page.keyboard.press("Escape");
  await expectAccessible(page);
});

test("each side has a text of its own, which the other can take", async ({ page, context }) => {
  await opened(page);
  await openEditor(page);
  await macro(page).fill(MENDED);
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: "Run it right" }).click();
  await sheet.getByRole("button", { name: "left text", exact: true }).click();
  await expectText(page, "");
  await sheet.getByRole("button", { name: "Take the right text" }).click();
  await expectText(page, MENDED);
  const twice = MENDED.replace(".Lend_\\@:", "movq\t\\save_reg, %cr3\n.Lend_\\@:");
  await macro(page).fill(twice);
  await sheet.getByRole("button", { name: "Run it left" }).click();
  await expect(sheet.locator(".verdict")).toHaveText("It assembles, and runs.");
  await expect(sheet.locator(".taken")).toHaveText("taken for one macro");
  // Each has its own history.
  await sheet.getByRole("button", { name: "right text", exact: true }).click();
  await expectText(page, MENDED);
  await macro(page).focus();
  await page.keyboard.press("Control+y");
  await expectText(page, MENDED);
  await sheet.getByRole("button", { name: "left text", exact: true }).click();
  await expectText(page, twice);
  const writes = (page: Page, side: string) => page.locator(`[data-counter=cr3_writes] .${side}`).textContent();
  const counted = [await writes(page, "left"), await writes(page, "right")];
  expect(counted[0]).not.toBe(counted[1]);
  const url = await address(page);
  expect(url).toContain("#v=3&");
  const other = await context.newPage();
  await other.goto(url);
  await expect(other.locator(".transport .position b").first()).not.toHaveText("0");
  expect([await writes(other, "left"), await writes(other, "right")]).toEqual(counted);
});

test("without the editor of code the text area stays, and works", async ({ page, complaints }) => {
  await page.route("**/editor/**", (route) => route.abort());
  await opened(page);
  await page.getByRole("button", { name: "Own macro" }).click();
  await expect(page.locator("textarea:not([hidden])")).toBeFocused();
  await macro(page).fill(BROKEN);
  await expect(page.locator(".problem")).toContainText("line 3, column");
  await macro(page).fill(MENDED);
  await page.getByRole("button", { name: "Run it right" }).click();
  await expect(page.getByRole("dialog")).toContainText("It assembles, and runs.");
  await expect(page.locator(".cm-content")).toHaveCount(0);
  complaints.splice(0);
});

test("the editor of code takes over what was typed before it came, and the focus", async ({ page }) => {
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  await page.route("**/editor/editor.js*", async (route) => {
    await arrived;
    await route.continue();
  });
  await opened(page);
  await page.getByRole("button", { name: "Own macro" }).click();
  await page.keyboard.type("ac");
  await page.keyboard.press("ArrowLeft");
  arrive();
  await expect(page.locator(".cm-content")).toBeFocused();
  await page.keyboard.type("b");
  await expectText(page, "abc");
});

for (const [kind, shown] of [["the editor of code", ".cm-changedLine"], ["the text area", ".against .excerpt"]] as const) {
  test(`${kind} shows a text against its form, and against the other side's`, async ({ page }) => {
    if (kind === "the text area") await withoutCode(page);
    await opened(page);
    await page.getByRole("button", { name: "Own macro" }).click();
    await page.getByRole("button", { name: "Run it right" }).click();
    if (kind === "the editor of code") await expect(page.locator(".cm-content")).toBeVisible();
    const text = await textOf(page);
    await macro(page).fill(text.replace("jnc", "nop\n\tjnc"));
    const sheet = page.getByRole("dialog");
    await sheet.getByRole("button", { name: "against its form" }).click();
    await expect(sheet.locator(".against")).toContainText(/gainst form E/);
    await expect(page.locator(shown)).toContainText("nop");
    await inEachScheme(page, expectAccessible);
    await sheet.getByRole("button", { name: "against the other text" }).click();
    await expect(sheet.locator(".against")).toHaveText("The other side has no text yet.");
    await sheet.getByRole("button", { name: "left text", exact: true }).click();
    await sheet.getByRole("button", { name: "Take the right text" }).click();
    await expect(sheet.locator(".against")).toContainText(/gainst the right text/);
    await macro(page).fill(text);
    await expect(page.locator(kind === "the text area" ? shown : ".cm-deletedChunk")).toContainText("nop");
  });
}

test("the line of the cursor says what it does, what it changes, what it is about, and leads to its step", async ({ page }) => {
  test.setTimeout(180_000);
  await opened(page, "v=1&a=E&b=A&at=0");
  await openEditor(page);
  await page.getByRole("button", { name: "Run it right" }).click();
  await expect(page.locator(".verdict")).toHaveText("It assembles, and runs.");
  const written = (await textOf(page)).split("\n").findIndex((line) => /movq\s+\\save_reg, %cr3/.test(line));
  await macro(page).focus();
  await page.keyboard.press("Control+Home");
  await expect(page.locator(".at-line")).toHaveCount(0);
  for (let line = 0; line < written; line += 1) await page.keyboard.press("ArrowDown");
  const about = page.getByRole("region", { name: "The line of the cursor" });
  await expect(about).toContainText(`Line ${written + 1}: movq`);
  await expect(about).toContainText(/writes CR3/);
  await expect(about).toContainText("The interrupted code goes on with the tables that it had.");
  await expect(about.getByRole("button", { name: "CR3", exact: true })).toBeVisible();
  await about.getByRole("button", { name: "Show this step" }).click();
  await expect(about.getByRole("button", { name: "Show this step" })).toHaveCount(0);
  await expect(page.locator(".runs .row.current")).toContainText("cr3");
  await about.getByRole("button", { name: "Try it" }).click();
  await expect(about).toContainText(/is being tried|breaks/);
  await expect(about).toContainText(/without it\s*\S+ breaks/, { timeout: 120_000 });
  await expectAccessible(page);
});
