import { test, expect } from "./page";

test.use({ judging: "off" });

test("loads from a sub-path", { tag: "@firefox" }, async ({ page }) => {
  const wasm = page.waitForResponse((response) => response.url().endsWith("_bg.wasm"));
  await page.goto("");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("CR3 playground");
  await expect(page).toHaveTitle("CR3 playground");
  expect((await wasm).headers()["content-type"]).toBe("application/wasm");
});

test("has no benchmark for visitors to load", async ({ page }) => {
  await page.goto("");
  await page.waitForFunction(() => "wasmBindings" in window);
  const exported = await page.evaluate(() => Object.keys((window as unknown as { wasmBindings: object }).wasmBindings));
  expect(exported.filter((name) => ["run_storm", "Opening"].includes(name))).toEqual([]);
});
