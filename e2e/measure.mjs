// What the measurements in Chromium share: the built page at an address, and how numbers are printed.
import { chromium } from "@playwright/test";
import { spawn } from "node:child_process";
import { createServer } from "node:net";

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Serves the folder while `work` goes on with its address; with "compress" as hosts do. */
export async function served(folder, mode, work) {
  const port = await freePort();
  const server = spawn(process.execPath, [new URL("serve.mjs", import.meta.url).pathname, folder, port, "/", mode]);
  const address = `http://127.0.0.1:${port}/`;
  try {
    for (let attempt = 0; !(await fetch(address).catch(() => undefined)); attempt++) {
      if (attempt === 50) throw new Error(`no server answers at ${address}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await work(address);
  } finally {
    server.kill();
  }
}

/** Serves the folder, opens its page and hands it over once the page's own exports can be called. Only a page that is built with the
 * feature `bench` has those of the benchmarks. */
export async function withPage(folder, work) {
  await served(folder, "plain", async (address) => {
    const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
    try {
      const page = await browser.newPage();
      await page.goto(address);
      await page.waitForFunction(() => window.wasmBindings);
      if (!(await page.evaluate(() => "run_storm" in window.wasmBindings))) {
        throw new Error(`the page in ${folder} is built without its benchmarks: cargo xtask bench builds one with them in target/bench`);
      }
      await work(page);
    } finally {
      await browser.close();
    }
  });
}

/** Lowest, median and highest of the samples. */
export function spread(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return { lowest: sorted[0], median: sorted[sorted.length >> 1], highest: sorted.at(-1) };
}

/** `median 1.23, lowest 1.20, highest 1.30`. */
export function told(samples, digits = 2) {
  const { lowest, median, highest } = spread(samples);
  return `median ${median.toFixed(digits)}, lowest ${lowest.toFixed(digits)}, highest ${highest.toFixed(digits)}`;
}
