import { test, expect, expectStep, address, opened, step } from "./page";

test.use({ judging: "off" });

/** What a person sees: everything but the notice. */
async function view(page: import("@playwright/test").Page) {
  return {
    step: await step(page),
    rows: await page.locator(".runs .row.current").innerText(),
    counters: await page.locator(".counters").innerText(),
    forms: await page.locator(".setup select").evaluateAll((all) => all.map((one) => (one as HTMLSelectElement).value)),
    features: await page.locator(".setup .chip").evaluateAll((all) => all.map((one) => one.getAttribute("aria-pressed"))),
    injections: await page.locator(".strike").allInnerTexts(),
    inspector: await page.locator(".inspector .parts").innerText(),
    filter: await page.locator(".filter [aria-pressed=true]").innerText(),
    follows: await page.getByRole("button", { name: "Follow the current instruction" }).getAttribute("aria-pressed"),
    code: await firstOfListing(page),
  };
}

/** The first row of the listing that can be seen, wholly or in part. */
async function firstOfListing(page: import("@playwright/test").Page) {
  return page.locator(".code .rows").evaluate((list) => {
    const { top } = list.getBoundingClientRect();
    const rows = [...list.querySelectorAll(".row")];
    return rows.find((row) => row.getBoundingClientRect().bottom > top + 1)?.textContent;
  });
}

test("reload from the link reproduces the view", async ({ page, context }) => {
  await opened(page);
  await page.getByLabel("Form of the left run").selectOption({ label: "B2 · posted 2020" });
  await page.getByRole("group", { name: "Features" }).getByRole("button", { name: "INVPCID", exact: true }).click();
  await page.getByLabel("handler").selectOption("pending-flush");
  await page.getByLabel("Schedule as text").fill("entry_SYSRETQ_unsafe_stack:nmi");
  await page.getByLabel("Schedule as text").press("Enter");
  await page.getByRole("button", { name: "Stack", exact: true }).click();
  await page.getByRole("button", { name: "CR3 + TLB" }).click();
  await page.locator(".runs .rows").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.getByRole("button", { name: "Follow the current instruction" }).click();
  await page.getByLabel("Go to a label").selectOption("exc_nmi");
  await page.getByText(/^\d+ more$/).click();
  const url = await address(page);
  expect(url).toContain("a=B2&b=E&f=pti,pcid,fsgsbase,nx&h=pending-flush");
  expect(url).toMatch(/&follow=no&code=exc_nmi&counters=all$/);
  const before = await view(page);
  await page.reload();
  await expect.poll(() => view(page)).toEqual(before);
  const other = await context.newPage();
  await other.goto(url);
  await expect.poll(() => view(other)).toEqual(before);
});

test("the link knows where the listing was scrolled to, until the next step", async ({ page }) => {
  await opened(page);
  const list = page.locator(".code .rows");
  await list.hover();
  await page.mouse.wheel(0, 1500);
  await expect(page).toHaveURL(/&code=/);
  await address(page);
  const seen = await firstOfListing(page);
  await page.reload();
  await expect.poll(() => firstOfListing(page)).toBe(seen);
  await page.keyboard.press("j");
  await expect(page).not.toHaveURL(/&code=/);
  await expect(page.locator(".code .row.current")).toBeInViewport();
});

test("a listing that does not follow stays, and the link says where", async ({ page }) => {
  await opened(page);
  await page.getByRole("button", { name: "Follow the current instruction" }).click();
  expect(await address(page)).toMatch(/&follow=no&code=/);
  const seen = await firstOfListing(page);
  for (let press = 0; press < 30; press++) await page.keyboard.press("j");
  expect(await firstOfListing(page)).toBe(seen);
  await address(page);
  await page.reload();
  await expect.poll(() => firstOfListing(page)).toBe(seen);
});

/** Scrolls the listing as a person does, to the end of that: the browser begins when it gets to it. */
async function wheel(page: import("@playwright/test").Page, down: number) {
  const list = page.locator(".code .rows");
  await list.hover();
  const scrolled = await list.evaluateHandle((it) => ({ end: new Promise((end) => it.addEventListener("scrollend", () => end(true), { once: true })) }));
  await page.mouse.wheel(0, down);
  await scrolled.evaluate(({ end }) => end);
}

test("a step right after scrolling is followed", async ({ page }) => {
  await opened(page);
  await wheel(page, 1500);
  await page.keyboard.press("j");
  await expect(page.locator(".code .row.current")).toBeInViewport();
  expect(await address(page)).not.toContain("&code=");
  await wheel(page, 1500);
  await page.locator(".runs .row.current").click();
  await expect(page.locator(".code .row.current")).toBeInViewport();
  expect(await address(page)).not.toContain("&code=");
});

test.describe("where a pixel of the page is none of the screen", () => {
  test("the list's own scrolling is not a person's", async ({ playwright, baseURL }) => {
    for (const scale of [0.8, 1.1, 1.25, 1.75]) {
      const browser = await playwright.chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: [`--force-device-scale-factor=${scale}`],
      });
      const page = await browser.newPage({ viewport: null, baseURL });
      await opened(page);
      for (const key of ["End", "Home", "f", "]"]) {
        await page.keyboard.press(key);
        expect(await address(page), `${key} at ${scale}`).not.toContain("&code=");
      }
      await browser.close();
    }
  });
});

test("Back undoes a change of scenario, not a step", { tag: "@firefox" }, async ({ page }) => {
  await opened(page);
  const start = await step(page);
  await page.getByRole("group", { name: "Features" }).getByRole("button", { name: "PCID", exact: true }).click();
  await expect(page).toHaveURL(/f=pti,invpcid/);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.goBack();
  await expect(page).toHaveURL(/f=pti,pcid,invpcid/);
  await expect(page.getByRole("group", { name: "Features" }).getByRole("button", { name: "PCID", exact: true })).toHaveAttribute("aria-pressed", "true");
  await expectStep(page, start);
  await page.goForward();
  await expect(page.getByRole("group", { name: "Features" }).getByRole("button", { name: "PCID", exact: true })).toHaveAttribute("aria-pressed", "false");
});

test("a damaged link opens what is left of it and says what was ignored", { tag: "@firefox" }, async ({ page }) => {
  await opened(page, "v=1&a=Z&b=C&at=50&s=kernel_loop");
  await expect(page.getByRole("alert")).toContainText('"Z" is not a name on this page');
  await expectStep(page, 51);
  await expect(page.getByLabel("Form of the right run")).toHaveValue("2");
});

test("copies the link and a report of 72 columns", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened(page);
  await page.keyboard.press("y");
  await expect(page.getByRole("alert")).toHaveText(/Link copied/);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await address(page));
  await page.keyboard.press("Y");
  await expect(page.getByRole("alert")).toHaveText(/Report copied/);
  const report = await page.evaluate(() => navigator.clipboard.readText());
  expect(report).toContain("CR3 writes");
  expect(report).toContain(await address(page));
  const lines = report.split("\n").filter((line) => !line.startsWith("http"));
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(72);
});
