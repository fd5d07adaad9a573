import { test, expect, expectStep, opened, step } from "./page";

test.use({ judging: "off" });

test("injects by mouse in the gutter of the listing", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&s=&at=160");
  await expect(page.locator(".strike")).toHaveCount(0);
  await page.getByLabel("Go to a label").selectOption("kernel_loop");
  await page.getByRole("button", { name: "Inject at kernel_loop+2", exact: true }).click();
  const menu = page.getByRole("dialog", { name: "Inject at kernel_loop+2" });
  await menu.getByRole("button", { name: /NMI/ }).click();
  await expect(menu).toHaveCount(0);
  await expect(page.locator(".strike")).toContainText("kernel_loop+2");
  await expect(page.locator(".runs .row.current .side-a")).toContainText("NMI strikes");
  await expect(page.locator(".runs .row.current .side-b")).toContainText("NMI strikes");
  await expect(page).toHaveURL(/s=kernel_loop%2B2:nmi/);
  await page.getByRole("button", { name: "Remove NMI at kernel_loop+2" }).click();
  await expect(page.locator(".strike")).toHaveCount(0);
});

test("injects by keyboard at the current step, and nests", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&s=&at=165");
  await page.keyboard.press("i");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("n");
  await expect(page.locator(".strike")).toHaveCount(1);
  await expect(page.locator(".runs .row.current .side-a")).toContainText("NMI strikes");
  for (let step = 0; step < 40; step++) await page.keyboard.press("j");
  await page.keyboard.press("i");
  await expect(page.getByRole("dialog")).toContainText("inside the previous handler");
  await page.keyboard.press("m");
  await expect(page.locator(".strike")).toHaveCount(2);
  await expect(page.locator(".strike").nth(1)).toContainText("inside");
  await expect(page.locator(".runs .row.current .side-a")).toContainText("#MC strikes");
});

test("the listing's gutter is one stop of Tab, its rows and its menu are reached by arrows", async ({ page }) => {
  await opened(page, "v=1&s=&at=165");
  const listing = page.getByRole("grid", { name: "Entry code" });
  const id = () => listing.getAttribute("aria-activedescendant");
  const active = async () => page.locator(`#${await id()}`);
  /** Waits: a row that is active by now may be another one a moment later. */
  const expectActive = (name: string) => expect.poll(async () => (await active()).getAttribute("aria-label")).toBe(name);
  await page.getByRole("button", { name: "Follow the current instruction" }).focus();
  await page.keyboard.press("Tab");
  await expect(listing).toBeFocused();
  const at = await step(page);
  const here = await page.locator(".code .row.current .inject").getAttribute("aria-label");
  await expectActive(here!);
  // Further than the listing is high: it follows, and nothing else moves.
  const names = [here];
  for (let press = 0; press < 40; press++) {
    const before = (await id())!;
    await page.keyboard.press("ArrowUp");
    await expect(listing).not.toHaveAttribute("aria-activedescendant", before);
    await expect(await active()).toBeInViewport();
    names.push(await (await active()).getAttribute("aria-label"));
  }
  expect(new Set(names).size).toBe(41);
  await expectStep(page, at);
  // A message moves the listing; the row stays.
  await page.keyboard.press("y");
  await expect(page.getByRole("alert")).not.toBeEmpty();
  await expect(listing).toBeFocused();
  await expectActive(names.at(-1)!);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: names.at(-1)! })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(listing).toBeFocused();
  for (let press = 0; press < 40; press++) await page.keyboard.press("ArrowDown");
  await expectActive(here!);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.locator(".strike")).toHaveCount(1);
});

test("arrows end at the first instruction of the listing", async ({ page }) => {
  await opened(page, "v=1&s=&at=165&code=entry_SYSCALL_64");
  const listing = page.getByRole("grid", { name: "Entry code" });
  await listing.focus();
  for (let press = 0; press < 3; press++) await page.keyboard.press("ArrowUp");
  await expect(listing).toHaveAttribute("aria-activedescendant", /^inject-/);
  await expectStep(page, 166);
});

test("what may not strike says why, at its place", async ({ page }) => {
  await opened(page);
  await page.keyboard.press("i");
  const nmi = page.getByRole("dialog").getByRole("button", { name: /NMI/ });
  await expect(nmi).toBeDisabled();
  await expect(nmi).toContainText(/blocked/i);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("#VC strikes in SEV-ES guests only", async ({ page }) => {
  await opened(page, "v=1&s=&at=165");
  await page.getByRole("group", { name: "Features" }).getByRole("button", { name: "SEV-ES", exact: true }).click();
  await expect(page).toHaveURL(/f=pti,pcid,invpcid,fsgsbase,nx,no-sev-es/);
  await page.locator(".runs .rows").focus();
  await page.keyboard.press("i");
  const vc = page.getByRole("dialog").getByRole("button", { name: /#VC/ });
  await expect(vc).toBeDisabled();
  await expect(vc).toContainText("SEV-ES guests only");
});

test("a schedule that does not parse is kept, with the reason", async ({ page }) => {
  await opened(page);
  const field = page.getByLabel("Schedule as text");
  await field.fill("kernel_loop+1:nmi > exc_nmi+2:xyz");
  await field.press("Enter");
  await expect(page.locator("#schedule-problem")).not.toBeEmpty();
  await expect(field).toHaveValue("kernel_loop+1:nmi > exc_nmi+2:xyz");
  await field.fill("kernel_loop+1:nmi > exc_nmi+2:mc");
  await field.press("Enter");
  await expect(page.locator("#schedule-problem")).toBeEmpty();
  await expect(page.locator(".strike")).toHaveCount(2);
});

test("the menu of an instruction that the listed run does not have opens in the listing that has it", async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi");
  const code = page.getByRole("group", { name: "Run whose code is listed" });
  for (const side of ["never", "E"]) {
    await code.getByRole("button", { name: side, exact: true }).click();
    await page.keyboard.press("i");
    await expect(page.locator(".inject-menu")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.locator(".inject-menu")).toHaveCount(0);
  }
});
