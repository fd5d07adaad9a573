import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test as base, closeDialog, expect, openEditor } from "./page";
import { checked, useEverything } from "./everything";
import { host, type Host } from "./host";
import type { Page } from "@playwright/test";

const test = base.extend<{ server: Host }>({
  server: async ({}, use) => {
    const server = await host();
    await use(server);
    await server.close();
  },
});

// Everywhere else the tests look at the page alone.
test.use({ serviceWorkers: "allow", reuseContext: false, judging: "as for a visitor" });
test.setTimeout(300_000);

const PATIENT = { timeout: 120_000 };

async function shown(page: Page, address: string) {
  await page.goto(address);
  await expect(page.locator(".transport .position b").first()).not.toHaveText("0");
}

/** Opens the page and waits until the browser keeps it. */
async function kept(page: Page, address: string) {
  await shown(page, address);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, PATIENT);
}

/** Takes the network and the server away. */
async function cutOff(page: Page, server: Host) {
  await server.stop();
  await page.context().setOffline(true);
}

/** What the browser has of the page, by its address in it. */
const files = (page: Page) =>
  page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map(({ url }) => url.slice(document.baseURI.length));
  });

/** Opens the editor of code and closes it. */
async function edited(page: Page) {
  await openEditor(page);
  await closeDialog(page);
}

test("what was used once can be used without a network, from its first visit on", async ({ page, server, complaints }) => {
  await shown(page, server.address);
  // It may be asked for before the browser keeps anything.
  await checked(page);
  await edited(page);
  await kept(page, server.address);
  for (const file of [/^unicorn\/unicorn\.wasm\?v=/, /^unicorn\/version\.txt$/, /^editor\/editor\.js\?v=/, /^editor\/version\.txt$/]) {
    await expect.poll(() => files(page), PATIENT).toContainEqual(expect.stringMatching(file));
  }
  await cutOff(page, server);
  await page.reload();
  await useEverything(page);
  await edited(page);
  // The browser itself asks whether there is another version.
  complaints.splice(0);
});

test("what is on its way when the browser begins to keep the page is kept too", async ({ page, server }) => {
  await page.addInitScript(() => {
    const workers = navigator.serviceWorker;
    const register = workers.register.bind(workers);
    const asked = new Promise((resolve) => Object.assign(window, { keepNow: resolve }));
    workers.register = async (...all) => asked.then(() => register(...all));
  });
  let arrive = () => {};
  const arriving = new Promise<void>((resolve) => (arrive = resolve));
  const left = page.waitForRequest(/unicorn\/version\.txt$/);
  await page.route(/unicorn\/version\.txt$/, async (route) => {
    await arriving;
    await route.continue();
  });
  await shown(page, server.address);
  await page.getByRole("button", { name: "check with Unicorn" }).click();
  await left;
  await page.evaluate(() => (window as unknown as { keepNow(): void }).keepNow());
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, undefined, PATIENT);
  arrive();
  await expect.poll(() => files(page), PATIENT).toContainEqual(expect.stringMatching(/^unicorn\/version\.txt$/));
});

test("what was never fetched says so at once without a network, and works when there is one again", async ({ page, server, complaints }) => {
  await kept(page, server.address);
  await cutOff(page, server);
  await page.reload();
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/holds/, PATIENT);
  const check = page.getByRole("button", { name: "check with Unicorn" });
  await check.click();
  await expect(page.locator(".check .headline")).toHaveText(
    // Browsers are not always right about whether there is a network.
    /^Unicorn 2\.1\.5 is unavailable: (you are offline, and unicorn\/version\.txt was not downloaded before|unicorn\/version\.txt did not arrive: the server of this page does not answer)\. Switch the check off and on to try again\.$/,
    { timeout: 5_000 },
  );
  await page.getByRole("button", { name: "Own macro" }).click();
  await expect(page.locator("#editor-keys")).toHaveText(/^This is a plain text area: .*editor\/version\.txt/);
  await closeDialog(page);
  await server.start();
  await page.context().setOffline(false);
  await check.click();
  await checked(page);
  complaints.splice(0);
});

test("a licence that was never opened says in words why it does not come", async ({ page, server, context, complaints }) => {
  await kept(page, server.address);
  await cutOff(page, server);
  await page.reload();
  await page.getByRole("button", { name: "About" }).click();
  const opened = context.waitForEvent("page");
  await page.getByRole("link", { name: "COPYING", exact: true }).click();
  await expect((await opened).locator("body")).toHaveText(/^unicorn\/COPYING was not downloaded before, and its server does not answer\.$/);
  complaints.splice(0);
});

/** Makes the host serve a page of another version. */
function publish(server: Host, build: string) {
  const file = join(server.folder, "service-worker.js");
  writeFileSync(file, readFileSync(file, "utf8").replace(/const BUILD = "[^"]*"/, `const BUILD = "${build}"`));
  const page = join(server.folder, "index.html");
  writeFileSync(page, readFileSync(page, "utf8").replace(/data-build="[^"]*"/, `data-build="${build}"`));
}

const build = (page: Page) => page.locator("html").getAttribute("data-build");

test("a new version is announced, and comes when a person asks for it", async ({ page, server, context }) => {
  await kept(page, `${server.address}#v=1&at=100`);
  await checked(page);
  const first = await build(page);
  const other = await context.newPage();
  await shown(other, server.address);
  publish(server, "0000000000000001");
  const notice = page.getByText("There is a new version of this page.");
  await page.reload();
  await expect(notice).toBeVisible(PATIENT);
  expect(await build(page)).toBe(first);
  await page.getByRole("button", { name: "Later" }).click();
  await expect(notice).toHaveCount(0);
  await page.reload();
  await expect(notice).toBeVisible(PATIENT);
  expect(await build(page)).toBe(first);
  await page.evaluate(() => ((window as unknown as { old: boolean }).old = true));
  await page.getByRole("button", { name: "Load it" }).click();
  await page.waitForFunction(() => !("old" in window), undefined, PATIENT);
  await expect(page.locator(".transport .position")).toContainText("step 101");
  expect(await build(page)).toBe("0000000000000001");
  // What worked without a network still does.
  expect(await files(page)).toContainEqual(expect.stringMatching(/^unicorn\/unicorn\.wasm\?v=/));
  // The other tab goes on with what it has.
  expect(await build(other)).toBe(first);
  await other.getByLabel("Story").selectOption("Never restore");
  await expect(other.locator('.judged[data-side="0"]')).toHaveClass(/breaks/, PATIENT);
});

/** Lets the browser keep no more than this. */
async function quota(page: Page, server: Host, quotaSize: number) {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.address).origin, quotaSize });
}

/** Ways in which a browser keeps no page. */
const REFUSALS = {
  "cookies are blocked": (page: Page) =>
    page.addInitScript(() => {
      ServiceWorkerContainer.prototype.register = () => Promise.reject(new DOMException("Access is denied.", "SecurityError"));
    }),
  "there are no service workers, as in some private windows": (page: Page) =>
    page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, "serviceWorker")),
  "the disk is full": (page: Page, server: Host) => quota(page, server, 100_000),
};

for (const [name, refusal] of Object.entries(REFUSALS)) {
  test(`where ${name}, the page works and needs its server`, async ({ page, server, complaints }) => {
    await refusal(page, server);
    await shown(page, server.address);
    await checked(page);
    const registered = () => page.evaluate(async () => (await navigator.serviceWorker?.getRegistration())?.active?.state);
    await expect.poll(registered).toBeUndefined();
    await cutOff(page, server);
    await page.keyboard.press("j");
    await page.getByLabel("Story").selectOption("Never restore");
    await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/breaks/, PATIENT);
    complaints.splice(0);
  });
}

test("where the disk is full when Unicorn arrives, the check works", async ({ page, server }) => {
  await kept(page, server.address);
  await quota(page, server, 100_000);
  await checked(page);
});

test("pages below different paths of one host are kept apart", async ({ page, server }) => {
  await kept(page, server.address);
  const names = await page.evaluate(() => caches.keys());
  expect(names).toEqual([`cr3 ${server.address} ${await build(page)}`]);
  expect((await files(page)).filter((file) => file.startsWith("unicorn/"))).toEqual([]);
  expect(await files(page)).toContain("");
});

test("the page can be installed", async ({ page, request, baseURL }) => {
  await page.goto("");
  const manifest = new URL((await page.locator("link[rel=manifest]").getAttribute("href"))!, baseURL);
  const told = await (await request.get(manifest.href)).json();
  expect([told.start_url, told.scope, told.display]).toEqual(["./", "./", "standalone"]);
  for (const { src, sizes } of told.icons) {
    const icon = new URL(src, manifest).href;
    const size = await page.evaluate(async (icon) => {
      const { width, height } = await createImageBitmap(await (await fetch(icon)).blob());
      return `${width}x${height}`;
    }, icon);
    expect(size).toBe(sizes);
  }
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // A test's context is a private window, in which nothing can be installed.
  expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito")).toEqual([]);
});
