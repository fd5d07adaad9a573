import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { test, expect, address, expectAccessible, opened, macro, textOf, expectText, openEditor } from "./page";

const testdata = (path: string) => fileURLToPath(new URL(`../testdata/${path}`, import.meta.url));
const TREE = testdata("tree");

const editor = (page: Page) => page.getByRole("dialog");
const ended = (page: Page, side: 0 | 1) => page.locator(`.outcomes .whole .outcome[data-side="${side}"] .ending`);

async function choose(page: Page) {
  await openEditor(page);
  await editor(page).getByLabel(/kernel tree/).setInputFiles(TREE);
  await expect(page.locator(".trees")).toContainText(/v6\.12, \d+ files read/);
}

/** Drops files or folders from outside on the middle of the page, as a person does: the browser reads them from the disk. */
async function dropped(page: Page, ...files: string[]) {
  const { width, height } = page.viewportSize()!;
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: width / 2, y: height / 2, data });
  }
}

test("a kernel tree that is chosen runs on the right, as form E does, and nothing leaves the browser", async ({ page }) => {
  await opened(page);
  const sent: string[] = [];
  page.context().on("request", (request) => {
    if (request.method() !== "GET" || !/\/(worker|fonts|editor)\/|\/WHY\.md$|\/icon-\w+\.svg$/.test(request.url())) sent.push(request.url());
  });
  await choose(page);
  await expect(editor(page).getByRole("button", { name: "Tree right" })).toHaveAttribute("aria-pressed", "true");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.locator(".notice")).toContainText("runs on the right");
  await page.getByLabel("Form of the left run").selectOption("3");
  await expect(ended(page, 1)).toHaveText((await ended(page, 0).textContent())!);
  await expect(ended(page, 1)).toHaveText(/exit/);
  // The explorer judges it, the TLB and the listing show it, and a switch assembles it again.
  await expect(page.locator('.judged[data-side="1"]')).toHaveClass(/holds/);
  await page.getByRole("group", { name: "Features" }).getByRole("button", { name: "PCID", exact: true }).click();
  await expect(ended(page, 1)).toHaveText(/exit/);
  expect(sent).toEqual([]);
});

test("both sides have texts of their own: a tree, and the tree with a macro in it", async ({ page }) => {
  await opened(page);
  await choose(page);
  const sheet = editor(page);
  await sheet.getByRole("button", { name: "Tree left" }).click();
  await macro(page).fill(".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq\t\\save_reg, %cr3\n.endm\n");
  await sheet.getByRole("button", { name: "Run it right" }).click();
  await expect(sheet).toContainText("the tree's macro of that name");
  await page.keyboard.press("Escape");
  await expect(page.locator("[data-counter=cr3_writes] .left")).not.toHaveText((await page.locator("[data-counter=cr3_writes] .right").textContent())!);
  await expect(page.locator(".runs .row.current")).toHaveCount(1);
});

test("a folder that is dropped is opened, and its link says what it lacks", async ({ page, context }) => {
  await opened(page);
  await dropped(page, TREE);
  await expect(page.locator(".notice")).toContainText(/v6\.12 runs on the right: \d+ files of it were read, and nothing left this browser/);
  await expect(ended(page, 1)).toHaveText(/exit/);
  const other = await context.newPage();
  await other.goto(await address(page));
  await expect(other.locator(".outcomes .whole")).toContainText("the kernel tree is not here: a link cannot carry it");
  await dropped(other, TREE);
  await expect(ended(other, 1)).toHaveText((await ended(page, 1).textContent())!);
});

/** The editor of code has no more lines in the document than are about to be seen. Here it sees them all. */
const TALL = { width: 1440, height: 2400 };

test("a patch that is dropped is in the editor", async ({ page }) => {
  await page.setViewportSize(TALL);
  await opened(page);
  await dropped(page, testdata("patches/resent.reply"));
  await expectText(page, readFileSync(testdata("patches/resent.reply"), "utf8"));
  await editor(page).getByRole("button", { name: "Run it right" }).click();
  await expect(editor(page)).toContainText("It assembles, and runs.");
});

test("a text that is dropped leaves the typed one to be taken up", async ({ page }) => {
  await page.setViewportSize(TALL);
  await opened(page);
  await openEditor(page);
  await macro(page).fill("# typed\n");
  await page.keyboard.press("Escape");
  await dropped(page, testdata("patches/resent.reply"));
  await expectText(page, readFileSync(testdata("patches/resent.reply"), "utf8"));
  await expect(page.locator(".kept li code")).toHaveText(["# typed"]);
});

test("what is no tree says which file it lacks", async ({ page }) => {
  await opened(page);
  await dropped(page, testdata("tree/arch"));
  await openEditor(page);
  await expect(editor(page).locator(".trees")).toContainText("Makefile: the tree has no such file");
});

test("a whole entry_64.S that is pasted runs with stand-ins for its headers", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await macro(page).fill(readFileSync(testdata("tree/arch/x86/entry/entry_64.S"), "utf8"));
  await editor(page).getByRole("button", { name: "Run it right" }).click();
  await expect(editor(page)).toContainText("It assembles, and runs.");
  await expect(editor(page)).toContainText("taken for a whole entry_64.S that came without its tree");
});

test("a name of the configuration is set by its button", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  const sheet = editor(page);
  await sheet.getByRole("button", { name: "Run it right" }).click();
  const area = macro(page);
  const text = await textOf(page);
  await area.fill(`#ifdef CONFIG_ODD\n#error it is on\n#endif\n${text}`);
  const chip = sheet.getByRole("button", { name: "CONFIG_ODD" });
  await expect(chip).toHaveAttribute("aria-pressed", "false");
  await chip.click();
  await expect(chip).toHaveAttribute("aria-pressed", "true");
  await expect(sheet.locator(".problem")).toContainText("it is on");
});
