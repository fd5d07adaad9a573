import { test, expect, address, opened, macro, expectText } from "./page";

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
  await page.getByRole("button", { name: "Own macro" }).click();
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
  await page.getByRole("button", { name: "Own macro" }).click();
  await page.getByRole("button", { name: "Run it right" }).click();
  await macro(page).fill(".macro RESTORE_CR3 scratch_reg:req save_reg:req\n1:\tjmp 1b\n.endm\n");
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-counter=instructions] .right")).toHaveText(/^\d{5,}$/);
  await page.keyboard.press("End");
  await expect(page.locator(".runs .row.current")).toContainText("jmp");
});
