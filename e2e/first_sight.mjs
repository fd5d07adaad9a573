// How long a person waits: `node first_sight.mjs FOLDER`. In Chromium with a slow network and a slow processor, the milliseconds until something
// is seen and until the page can be used (the first row of the opening story is drawn); then Lighthouse's mobile preset, if it is
// installed in e2e/lighthouse (`cargo xtask bench` installs it). It fails where a limit is exceeded.
import { chromium } from "@playwright/test";
import { served, spread, told } from "./measure.mjs";

const SAMPLES = 5;

/** Networks as browsers' developer tools name their speed, with the limits of `seen` and `used` in milliseconds. */
const NETWORKS = [
  { name: "10 Mbit/s, 40 ms", megabits: 10, latency: 40, seen: 500, used: 1500 },
  { name: "1.6 Mbit/s, 150 ms", megabits: 1.6, latency: 150, seen: Infinity, used: 3500 },
];

/** How many times slower the processor is made. A machine that is slow itself is made as slow as the documents' by a smaller number. */
const SLOWER = Number(process.env.SLOWER ?? 4);

/** Lowest scores of Lighthouse, out of 100. For performance, the median of all audits counts. */
const SCORES = { performance: 90, accessibility: 100, "best-practices": 100 };

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** One visit with nothing in any cache. */
async function visit(browser, address, { megabits, latency }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  const bytes = (megabits * 1e6) / 8;
  await session.send("Network.emulateNetworkConditions", { offline: false, latency, downloadThroughput: bytes, uploadThroughput: bytes });
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await page.addInitScript(() => {
    const watch = new MutationObserver(() => {
      if (!document.querySelector(".runs .row.current")) return;
      watch.disconnect();
      // After the frame that shows it.
      requestAnimationFrame(() => setTimeout(() => (window.usedAt = performance.now()), 0));
    });
    watch.observe(document, { childList: true, subtree: true });
  });
  await page.goto(address, { waitUntil: "commit" });
  const used = await (await page.waitForFunction(() => window.usedAt, undefined, { timeout: 120_000 })).jsonValue();
  const seen = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  await context.close();
  return { seen, used };
}

async function waits(address) {
  const browser = await chromium.launch({ executablePath });
  const exceeded = [];
  for (const network of NETWORKS) {
    const visits = [];
    for (let sample = 0; sample < SAMPLES; sample++) visits.push(await visit(browser, address, network));
    for (const [what, words] of [["seen", "something is seen"], ["used", "the page can be used"]]) {
      const samples = visits.map((visit) => visit[what]);
      console.log(`${network.name}, processor ${SLOWER} times slower: ${words} after ${told(samples, 0)} ms`);
      if (Math.min(...samples) > network[what]) exceeded.push(`${words} after more than ${network[what]} ms at ${network.name}`);
    }
  }
  await browser.close();
  return exceeded;
}

/**
 * Lighthouse's mobile preset: 1.6 Mbit/s, 150 ms, a processor four times slower. The browser is made that slow. Lighthouse's own way is to
 * let the page load at full speed and to compute what it would have taken. It then assumes that the first picture waits for everything
 * that a local server delivers before it. The other scores must be reached in each audit.
 */
async function audited(address) {
  const [{ default: lighthouse }, { throttling }, { launch }] = await Promise.all([
    import("./lighthouse/node_modules/lighthouse/core/index.js"),
    import("./lighthouse/node_modules/lighthouse/core/config/constants.js"),
    import("./lighthouse/node_modules/chrome-launcher/dist/index.js"),
  ]);
  const slow = { ...throttling.mobileSlow4G, cpuSlowdownMultiplier: SLOWER };
  const performance = [];
  const exceeded = new Set();
  for (let sample = 0; sample < SAMPLES; sample++) {
    const chrome = await launch({ chromePath: executablePath, chromeFlags: ["--headless=new", "--no-sandbox"] });
    const options = { port: chrome.port, onlyCategories: Object.keys(SCORES), throttling: slow, throttlingMethod: "devtools" };
    const { lhr } = await lighthouse(address, options).finally(() => chrome.kill());
    performance.push(lhr.categories.performance.score * 100);
    const shown = (id) => lhr.audits[id].displayValue;
    console.log(`Lighthouse ${lhr.lighthouseVersion}, mobile: ${Object.keys(SCORES).map((name) => `${name} ${Math.round(lhr.categories[name].score * 100)}`).join(", ")}`);
    console.log(`  first paint ${shown("first-contentful-paint")}, largest ${shown("largest-contentful-paint")}, blocked ${shown("total-blocking-time")}, moved ${shown("cumulative-layout-shift")}, speed index ${shown("speed-index")}`);
    for (const [name, least] of Object.entries(SCORES).filter(([name]) => name !== "performance")) {
      const { auditRefs, score } = lhr.categories[name];
      const failed = auditRefs.filter(({ id, weight }) => weight > 0 && (lhr.audits[id].score ?? 1) < 1);
      failed.forEach(({ id }) => console.log(`  ${name}: ${id}: ${lhr.audits[id].title}`));
      if (score * 100 < least) exceeded.add(`${name} below ${least}`);
    }
  }
  console.log(`Lighthouse, performance: ${told(performance, 0)}`);
  if (spread(performance).median < SCORES.performance) exceeded.add(`performance below ${SCORES.performance}`);
  return [...exceeded];
}

await served(process.argv[2], "compress", async (address) => {
  const exceeded = [...(await waits(address)), ...(await audited(address))];
  if (exceeded.length) {
    console.log(`exceeded: ${exceeded.join("; ")}`);
    process.exitCode = 1;
  }
});
