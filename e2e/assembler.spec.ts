import { test, expect, opened } from "./page";
import type { Page, Route } from "@playwright/test";

const outcome = (page: Page) => page.locator(".counters .outcomes .whole li").first();
const steps = (page: Page) => page.locator(".runs .row").first();
const nx = (page: Page) => page.getByRole("button", { name: "NX", exact: true });

const FILE = "**/assembled-*.bin";
const WORKER = "**/worker/**";

test("where no worker starts, a side says why nothing assembles it, and what is ready works", async ({ page, complaints }) => {
  let refuses = true;
  await page.route(WORKER, (route: Route) => (refuses ? route.abort() : route.continue()));
  await opened(page);
  await nx(page).click();
  await expect(outcome(page)).toContainText("is not assembled: ");
  await nx(page).click();
  await expect(outcome(page)).toContainText("exited");
  // The next text is asked of another worker.
  refuses = false;
  await nx(page).click();
  await expect(outcome(page)).toContainText("exited");
  complaints.splice(0);
});

test("without the file of assembled texts the worker assembles what the page opens with", async ({ page, complaints }) => {
  await page.route(FILE, (route) => route.abort());
  await opened(page);
  await expect(outcome(page)).toContainText("exited");
  complaints.splice(0);
});

test("the runs stay while a text is being assembled, and the page says so", async ({ page }) => {
  let answer = () => {};
  const held = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/cr3-worker_bg.wasm*", async (route) => {
    await held;
    await route.continue();
  });
  await opened(page);
  await nx(page).click();
  await expect(nx(page)).toHaveAttribute("aria-pressed", "false");
  await expect(page.locator(".waiting")).toHaveText("Both forms are being assembled. Until then the page shows the previous runs.");
  await expect(page.locator(".waiting")).toBeVisible();
  await expect(steps(page)).toBeVisible();
  await expect(outcome(page)).toContainText("exited");
  answer();
  await expect(page.locator(".waiting")).toHaveText("");
  await expect(outcome(page)).toContainText("exited");
});
