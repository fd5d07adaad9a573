import { test, expect, expectStep, expectAccessible, opened, step } from "./page";
import type { Page } from "@playwright/test";

const card = (page: Page) => page.getByRole("alert").filter({ hasText: "Something broke" });

/** `(module (func (export "t") unreachable))` */
const TRAP = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 116, 0, 0, 10, 5, 1, 3, 0, 0, 11];

/** Lets a person's next key trap inside the page's module. */
function trapOnKey(bytes: number[]) {
  const { instantiateStreaming } = WebAssembly;
  let isArmed = false;
  document.addEventListener("keydown", ({ key }) => (isArmed ||= key === "j"), { capture: true });
  WebAssembly.instantiateStreaming = async (source, imports) => {
    const { instance, module } = await instantiateStreaming(source, imports);
    const trap = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes))).exports.t as () => void;
    const exports = Object.fromEntries(
      Object.entries(instance.exports).map(([name, value]) => {
        const wrapped = (...all: unknown[]) => (isArmed ? trap() : (value as (...all: unknown[]) => unknown)(...all));
        return [name, typeof value === "function" ? wrapped : value];
      }),
    );
    return { instance: { exports } as unknown as WebAssembly.Instance, module };
  };
}

test("a trap in the page's module leaves the page in sight, and a link that replays it", async ({ page, complaints }) => {
  await page.addInitScript(trapOnKey, TRAP);
  await opened(page, "v=1&a=never&b=E&at=100");
  await page.keyboard.press("j");
  await expect(card(page)).toContainText("unreachable");
  await expect(card(page)).toContainText("What is on display stays");
  await expect(page.locator(".runs .row.current")).toBeVisible();
  await expectAccessible(page);
  expect(await card(page).getByRole("link", { name: "Open this view again" }).getAttribute("href")).toContain("at=100");
  await card(page).getByRole("link", { name: "Open this view again" }).click();
  await expect(card(page)).toHaveCount(0);
  await expect(page.getByLabel("Form of the left run").locator("option:checked")).toContainText("never");
  await expect.poll(() => step(page)).toBe(101);
  expect(complaints.splice(0).join()).toContain("unreachable");
});

test("a panic says what and where, and the first story is a click away", async ({ page, complaints }) => {
  await opened(page, "v=1&a=never&b=E&at=100");
  // The address is written a few times a second. Here no step is in it when the page breaks down.
  await page.evaluate(() => {
    history.replaceState = () => {};
  });
  for (let step = 0; step < 3; step++) await page.keyboard.press("j");
  await expectStep(page, 104);
  expect(page.url()).toContain("at=100");
  // Yew expects that the browser takes what it inserts. Whatever is drawn next breaks down, and only that may write the address.
  await page.evaluate(() => {
    Node.prototype.insertBefore = () => {
      Reflect.deleteProperty(history, "replaceState");
      throw new Error("there is no place");
    };
  });
  await page.getByRole("button", { name: "About" }).click();
  await expect(card(page)).toContainText(/panicked at .*\.rs:\d+:\d+/);
  await expect(card(page).getByRole("link", { name: "Open this view again" })).toHaveAttribute("href", /[#&]at=103(&|$)/);
  await card(page).getByRole("link", { name: "Open the first story" }).click();
  await expect(page.locator("#headline")).toHaveText("Same exception, one CR3 write fewer. Is it always safe?");
  await expect(card(page)).toHaveCount(0);
  expect(complaints.splice(0).join()).toContain("panicked at");
});

test("a worker that breaks down is reported, and the rest still works", async ({ page }) => {
  await page.route("**/worker/worker.js", (route) => route.fulfill({ contentType: "text/javascript", body: `onmessage = () => { throw new Error("panicked at a test"); }` }));
  await opened(page);
  await expect(card(page)).toContainText("panicked at a test");
  await expect(card(page)).toContainText("The rest still works");
  const before = await step(page);
  await page.keyboard.press("j");
  await expectStep(page, before + 1);
  await card(page).getByRole("button", { name: "Dismiss" }).click();
  await expect(card(page)).toHaveCount(0);
  await expect(page.locator('.judged[data-side="0"]')).toContainText("its worker stopped");
});

test("what breaks down while a dialog is open can be read and pressed", async ({ page, complaints }) => {
  await page.addInitScript(trapOnKey, TRAP);
  await opened(page, "v=1&a=never&b=E&at=100");
  await page.getByRole("button", { name: "Own macro" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("j");
  await expect(card(page)).toBeInViewport({ ratio: 0.9 });
  await card(page).getByRole("link", { name: "Open this view again" }).click();
  await expect(card(page)).toHaveCount(0);
  await expect.poll(() => step(page)).toBe(101);
  complaints.splice(0);
});

test("what broke down can be read and pressed in the smallest window", async ({ page, complaints }) => {
  await page.addInitScript(trapOnKey, TRAP);
  await page.setViewportSize({ width: 320, height: 256 });
  await opened(page, "v=1&a=never&b=E&at=100");
  await page.keyboard.press("j");
  await expect(card(page)).toContainText("unreachable");
  const { x, y, width, height } = (await card(page).boundingBox())!;
  expect([x >= 0, y >= 0, x + width <= 320, y + height <= 256]).toEqual([true, true, true, true]);
  for (const pressed of [card(page).getByRole("link"), card(page).getByRole("button")]) {
    for (const it of await pressed.all()) {
      await it.scrollIntoViewIfNeeded();
      await expect(it).toBeInViewport({ ratio: 0.99 });
    }
  }
  await card(page).getByRole("link", { name: "Open this view again" }).click();
  await expect(card(page)).toHaveCount(0);
  complaints.splice(0);
});

test("a message that goes gives the focus back", async ({ page }) => {
  await page.route("**/worker/worker.js", (route) => route.fulfill({ contentType: "text/javascript", body: `onmessage = () => { throw new Error("panicked at a test"); }` }));
  await opened(page);
  const claims = page.getByRole("button", { name: "Claims", exact: true });
  await claims.focus();
  await card(page).getByRole("button", { name: "Dismiss" }).press("Enter");
  await expect(card(page)).toHaveCount(0);
  await expect(claims).toBeFocused();
});

test("an error of a foreign script is not the page's", async ({ page, complaints }) => {
  await opened(page);
  await page.evaluate(() => setTimeout(() => { throw new Error("an extension"); }, 0));
  await expect.poll(() => complaints.length).toBeGreaterThan(0);
  await expect(card(page)).toHaveCount(0);
  complaints.splice(0);
});
