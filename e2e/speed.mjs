// Instructions per second in Chromium with counters on: `node speed.mjs DIST` prints the median of five samples.
import { chromium } from "@playwright/test";
import { spawn } from "node:child_process";
import { createServer } from "node:net";

const SAMPLES = 5;
/** Rounds of the benchmark in a sample: about a second. */
const ROUNDS = 50;

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function opened(page, address) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await page.goto(address);
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const port = await freePort();
const server = spawn(process.execPath, [new URL("serve.mjs", import.meta.url).pathname, process.argv[2], port, "/"]);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
try {
  const page = await browser.newPage();
  await opened(page, `http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => window.wasmBindings?.run_storm);
  const rates = await page.evaluate(
    ({ samples, rounds }) => {
      const { run_storm } = window.wasmBindings;
      run_storm(2); // V8 compiles the hot functions again.
      return Array.from({ length: samples }, () => {
        const start = performance.now();
        const instructions = run_storm(rounds);
        return instructions / (performance.now() - start) / 1000;
      });
    },
    { samples: SAMPLES, rounds: ROUNDS },
  );
  rates.sort((a, b) => a - b);
  const [lowest, median, highest] = [0, SAMPLES >> 1, SAMPLES - 1].map((index) => rates[index].toFixed(2));
  console.log(`in Chromium, run with counters: median ${median}, lowest ${lowest}, highest ${highest} million instructions/s`);
} finally {
  await browser.close();
  server.kill();
}
