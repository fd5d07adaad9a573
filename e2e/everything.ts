import type { Page } from "@playwright/test";
import { expect, macro, openEditor } from "./page";

/** A machine that does other things too takes its time. */
const PATIENT = { timeout: 120_000 };

const MACRO = ".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq\t\\save_reg, %cr3\n.endm\n";

const headline = (page: Page) => page.locator(".check .headline");

/** Switches the second CPU on, and waits until it has followed both runs. */
export async function checked(page: Page) {
  await page.getByRole("button", { name: "check with Unicorn" }).click();
  await expect(headline(page)).toHaveText(/agrees on all \d+ steps; .*agrees on all \d+ steps$/, PATIENT);
}

/** Everything that the page has, one after the other: each needs code or files that the others do not. */
export async function useEverything(page: Page) {
  await page.getByLabel("Story").selectOption("Never restore");
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/, PATIENT);
  await page.locator('.judged[data-side="0"]').getByRole("button", { name: /breaks/ }).click();
  await page.keyboard.press("j");
  await page.getByLabel("Story").selectOption("NMI in kernel code");
  await page.keyboard.press("i");
  await page.locator(".inject-menu .choice:not(:disabled)").first().click();
  await expect(page.locator(".strike")).toHaveCount(2);
  await openEditor(page);
  await page.getByRole("button", { name: "Run it right" }).click();
  await macro(page).fill(MACRO);
  await expect(page.getByRole("dialog")).toContainText("It assembles, and runs.");
  await page.keyboard.press("Escape");
  await checked(page);
  await page.getByRole("button", { name: "self-test" }).click();
  await expect(page.locator(".check")).toContainText("Self-test passed", PATIENT);
  await page.getByRole("button", { name: "Claims", exact: true }).click();
  await expect(page.getByRole("dialog").getByRole("status")).toContainText(/^([1-9]\d* of )?\d+ claims/, PATIENT);
  await page.keyboard.press("Escape");
  for (const name of ["What is not modelled", "About", "Keys"]) {
    await page.getByRole("button", { name, exact: true }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await page.keyboard.press("Escape");
  }
  await page.getByRole("button", { name: /switch to light/ }).click();
}
