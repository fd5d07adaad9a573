import { fileURLToPath } from "node:url";
import { defineConfig } from "@playwright/test";

// `cargo xtask test` hands over a free port; a run by hand takes this one, and Playwright says so when it is taken.
const port = Number(process.env.E2E_PORT ?? 4173);

/** The page is served from a sub-path, as a static host may do. */
const PATH = "/some/sub-path/";

/** A server of the page, and where it is. */
function served(port: number, mode = "") {
  const url = `http://127.0.0.1:${port}${PATH}`;
  return { command: `node serve.mjs ../dist ${port} ${PATH} ${mode}`, url, reuseExistingServer: false, stdout: "ignore", timeout: 20_000 } as const;
}

const page = served(port);

/**
 * The second browser, if it is asked for: FIREFOX=/usr/bin/firefox-esr. There Playwright evaluates by `eval`, which the page's policy
 * forbids, so it gets the page without the policy.
 */
const firefox = process.env.FIREFOX;
const unguarded = served(port + 1, "unguarded");
const inFirefox = {
  browserName: "firefox",
  channel: "moz-firefox",
  baseURL: unguarded.url,
  reuseContext: false,
  launchOptions: { executablePath: fileURLToPath(new URL("firefox-esr.mjs", import.meta.url)), env: { ...process.env } },
} as const;

export default defineConfig({
  testDir: ".",
  outputDir: "test-results",
  reporter: [["list"]],
  // A test that passes at the second try has met a race. It is reported as flaky, at the end too, and needs a look; the other tests
  // of a slow machine are not lost for it.
  retries: 1,
  forbidOnly: !!process.env.CI,
  workers: 2,
  fullyParallel: true,
  timeout: 60_000,
  // A machine may be several times slower than the one that a test was written on.
  expect: { timeout: 20_000 },
  use: {
    baseURL: page.url,
    // What a test did, and what the page looked like when it failed. A copy of the document and pictures at each step cost as much as
    // the tests themselves; `--trace on` keeps them.
    trace: { mode: "retain-on-failure", snapshots: false, screenshots: false, sources: false },
    screenshot: "only-on-failure",
    // What a test puts in the way of a request must not be kept somewhere else. offline.spec.ts looks at the service worker.
    serviceWorkers: "block",
    // Each test opens the page anew, in a context that the test before it has left empty: storage, routes, scripts and emulation are
    // reset. What is not (permissions, the network taken away) no test looks at, except in offline.spec.ts, which has contexts of its own.
    reuseContext: true,
  },
  projects: [
    {
      name: "chromium",
      use: { browserName: "chromium", launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" } },
    },
    // The tests tagged @firefox.
    ...(firefox ? [{ name: "firefox", grep: /@firefox/, use: inFirefox }] : []),
  ],
  webServer: firefox ? [page, unguarded] : page,
});
