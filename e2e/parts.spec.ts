import { test, expect, closeDialog, step, expectStep } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "as for a visitor" });

const REST = "**/cr3-web-*_rest.wasm";

/** How the rest of the module is asked for: by and by ("fetch"), or by a call that waits for it ("xhr"). */
function asked(page: Page) {
  const ways: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("_rest.wasm")) ways.push(request.resourceType());
  });
  return ways;
}

/** Opens the page and waits until its first row is drawn. */
async function shown(page: Page) {
  await page.goto("");
  await expect(page.locator(".runs .row.current")).toBeVisible();
}

const shortcuts = (page: Page) => page.getByRole("dialog");

test("what the first sight needs comes first: the story is drawn and stepped through without the rest of the module", async ({ page }) => {
  await page.route(REST, (route) => (route.request().resourceType() === "xhr" ? route.abort() : undefined));
  const ways = asked(page);
  await shown(page);
  const before = await step(page);
  await page.keyboard.press("j");
  await expectStep(page, before! + 1);
  await page.keyboard.press("k");
  await expectStep(page, before);
  await expect.poll(() => ways).toEqual(["fetch"]);
});

test("once the rest is there, nobody asks for it again", async ({ page }) => {
  const ways = asked(page);
  const arrived = page.waitForResponse(REST);
  await shown(page);
  await (await arrived).finished();
  await page.waitForFunction(() => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("_rest.wasm")));
  await page.keyboard.press("?");
  await expect(shortcuts(page)).toBeVisible();
  expect(ways.filter((way) => way === "fetch")).toHaveLength(1);
});

test("what is asked for before the rest has come waits for it", async ({ page, complaints }) => {
  await page.route(REST, (route) => (route.request().resourceType() === "xhr" ? route.continue() : route.abort()));
  const ways = asked(page);
  await shown(page);
  await expect.poll(() => ways).toEqual(["fetch"]);
  await page.keyboard.press("?");
  await expect(shortcuts(page)).toBeVisible();
  await closeDialog(page);
  // What waited for the rest goes on too.
  await expect(page.locator(".page:not([aria-busy])")).toBeAttached();
  expect(ways).toEqual(["fetch", "xhr"]);
  complaints.splice(0);
});

test("where the rest does not come, the page says so", async ({ page, complaints }) => {
  await page.route(REST, (route) => route.abort());
  await shown(page);
  await page.keyboard.press("?");
  const card = page.locator(".message.card");
  await expect(card).toContainText("A part of the program did not arrive");
  await expect(card.getByRole("link", { name: "Open this view again" })).toBeVisible();
  complaints.splice(0);
});
