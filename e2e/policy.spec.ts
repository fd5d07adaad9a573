import { test, expect, opened } from "./page";
import { useEverything } from "./everything";

test.use({ judging: "as for a visitor" });

/** What a browser lets the page do. */
const POLICY = {
  "default-src": "'none'",
  "script-src": "'self' 'wasm-unsafe-eval'",
  "worker-src": "'self'",
  "connect-src": "'self'",
  "style-src": expect.stringMatching(/^'sha256-[A-Za-z0-9+/]{43}='$/),
  "style-src-attr": "'unsafe-inline'",
  "font-src": "'self'",
  "img-src": "'self'",
  "manifest-src": "'self'",
  "base-uri": "'self'",
  "form-action": "'none'",
};

test("the document has a policy, hosts send the same, and no script stands in the document", async ({ page, request }) => {
  const answer = await request.get("");
  await opened(page);
  const policy = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  const directives = policy!.split("; ").map((directive) => directive.split(/ (.*)/).slice(0, 2));
  expect(Object.fromEntries(directives)).toEqual(POLICY);
  expect(answer.headers()["content-security-policy"]).toBe(policy);
  await expect(page.locator("script")).toHaveCount(1);
  await expect(page.locator("script:not([src])")).toHaveCount(0);
  await expect(page.locator("style, link[rel=stylesheet]")).toHaveCount(1);
});

test("the browser reports a violated policy, so a test without reports proves something", async ({ page, complaints }) => {
  await opened(page);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  expect(await page.evaluate(() => "ran" in window)).toBe(false);
  expect(complaints.splice(0).join()).toContain("Content Security Policy");
});

test("whatever a person uses, nothing violates the policy and nothing comes from elsewhere", async ({ page, context, baseURL }) => {
  test.setTimeout(300_000);
  const violations: string[] = [];
  await page.exposeFunction("violated", (what: string) => violations.push(what));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      (window as unknown as { violated(what: string): void }).violated(`${violatedDirective} ${blockedURI}`),
    );
  });
  const elsewhere: string[] = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(baseURL!)) elsewhere.push(request.url());
  });
  await opened(page);
  await useEverything(page);
  expect({ violations, elsewhere }).toEqual({ violations: [], elsewhere: [] });
});
