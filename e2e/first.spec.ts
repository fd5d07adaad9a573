import { test, expect, expectAccessible, opened } from "./page";
import { DIST } from "./host";
import type { Page } from "@playwright/test";

const MODULE = "**/cr3-web-*_bg.wasm";

/** Lets the page's module arrive when the returned function is called. */
async function held(page: Page) {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route(MODULE, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

const box = (page: Page, selector: string) => page.locator(selector).evaluate((element) => element.getBoundingClientRect().toJSON());

for (const [name, media] of Object.entries({
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "forced colours": { forcedColors: "active" },
  "a phone": {},
} as const)) {
  test(`the opening story stands there before the module does, and does not move: ${name}`, async ({ page }) => {
    await page.emulateMedia(media);
    if (name === "a phone") await page.setViewportSize({ width: 360, height: 740 });
    const release = await held(page);
    await page.goto("", { waitUntil: "commit" });
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("CR3 playground");
    await expect(page.getByText("The machine is being loaded.")).toBeVisible();
    const bar = page.locator(".bar i");
    expect(await bar.evaluate((bar) => bar.getAnimations().map((animation) => animation.playState))).toEqual(["running"]);
    await expectAccessible(page);
    const question = page.locator(".question");
    const before = { text: await question.innerText(), headline: await box(page, "#headline"), title: await box(page, "h1 .logo") };
    release();
    await expect(page.locator(".transport")).toBeVisible();
    await expect(page.locator(".shell")).toHaveCount(0);
    expect({ text: await question.innerText(), headline: await box(page, "#headline"), title: await box(page, "h1 .logo") }).toEqual(before);
    const moved = await page.evaluate(() => new Promise<number>((resolve) => {
      const sum = (list: PerformanceObserverEntryList) => resolve(list.getEntries().reduce((sum, entry) => sum + (entry as unknown as { value: number }).value, 0));
      new PerformanceObserver(sum).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(0), 500);
    }));
    expect(moved).toBeLessThan(0.01);
  });
}

test("a link to something else does not show the opening story first", async ({ page }) => {
  const release = await held(page);
  await page.goto("#v=1&a=never&b=E", { waitUntil: "commit" });
  await expect(page.locator(".shell")).toHaveClass(/linked/);
  expect(await page.locator("#headline").evaluate((element) => getComputedStyle(element).color)).toBe("rgba(0, 0, 0, 0)");
  release();
  await expect(page.locator("#headline")).toHaveText("Your own scenario");
});

const FAILURES = {
  "the module is no WebAssembly": {
    prepare: (page: Page) => page.route(MODULE, (route) => route.fulfill({ contentType: "application/wasm", body: "<html>" })),
    says: "This browser cannot read the program.",
  },
  "the module does not arrive": {
    prepare: (page: Page) => page.route(MODULE, (route) => route.abort()),
    says: "The program did not arrive.",
  },
  "its JavaScript does not arrive": {
    prepare: (page: Page) => page.route(/\/cr3-web-[0-9a-f]+\.js$/, (route) => route.abort()),
    says: "The program did not arrive.",
  },
  "there is no WebAssembly": {
    prepare: (page: Page) => page.addInitScript(() => Reflect.deleteProperty(globalThis, "WebAssembly")),
    says: "This browser runs no WebAssembly.",
  },
  "it panics while it starts": {
    // Yew expects that the browser takes what it inserts.
    prepare: (page: Page) => page.addInitScript(() => {
      Node.prototype.insertBefore = () => {
        throw new Error("there is no place");
      };
    }),
    says: "The program broke down while it started.",
  },
} as const;

for (const [name, { prepare, says }] of Object.entries(FAILURES)) {
  test(`where ${name}, the page says so and what to do`, async ({ page, complaints }) => {
    await prepare(page);
    await page.goto("");
    const alert = page.getByRole("alert");
    await expect(alert).toContainText(says);
    await expect(alert.getByRole("button", { name: "Reload" })).toBeVisible();
    if (name === "it panics while it starts") await expect(alert.locator(".cause")).toContainText("panicked at");
    await expectAccessible(page);
    complaints.splice(0);
  });
}

test("opened from a file, the page says that it needs a server", async ({ page, complaints }) => {
  await page.goto(`file://${DIST}index.html`);
  await expect(page.getByRole("alert")).toContainText("The page was opened from a file");
  complaints.splice(0);
});

test("without JavaScript the page says that it needs it", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(baseURL!);
  // What getByText finds is never in a noscript.
  await expect(page.locator("noscript p")).toBeVisible();
  await expect(page.locator("#loading")).toBeHidden();
  await expect(page.getByRole("heading", { level: 2 })).toBeVisible();
  await context.close();
});

test("where no script runs, the page says after a while that it takes too long", async ({ page, complaints }) => {
  await page.route("**/start-*.js", (route) => route.abort());
  await page.clock.install();
  await page.goto("");
  const late = page.locator(".late");
  await expect(late).toBeHidden();
  await late.evaluate((late) => late.getAnimations().forEach((animation) => animation.finish()));
  await expect(late).toBeVisible();
  complaints.splice(0);
});

test("a notice moves nothing, and stays until it is dismissed", async ({ page }) => {
  await opened(page, "v=1&a=Z&at=50");
  const notice = page.locator(".notice p");
  await expect(notice).toContainText("is not a name on this page");
  const places = async () => Promise.all([".transport", ".panes", ".counters"].map((selector) => box(page, selector)));
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await expect(notice).toBeVisible();
  const before = await places();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(notice).toHaveCount(0);
  expect(await places()).toEqual(before);
});
