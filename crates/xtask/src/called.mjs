// `called.mjs STAGE WATCHED`: opens the page of the folder STAGE with the module WATCHED in the place of its own, which writes down which of its
// functions are called (crates/split), and prints the names of those that the first sight calls: the opening story and a link, drawn
// as far as the page draws before the rest of its module is there, steps while it still draws and after that, a scroll, the pointer over a row.
import { chromium } from "@playwright/test";
import { readFileSync } from "node:fs";
import { served } from "../../../e2e/measure.mjs";

const [stage, watched] = process.argv.slice(2);
const module = readFileSync(watched);

/** What is opened: as wide as a desk has it, and as a phone. */
const VISITS = [
  { address: "", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  { address: "", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
  { address: "#v=1&a=A&b=E&f=pti,pcid,invpcid,fsgsbase,nx&s=kernel_loop%2B1:nmi&at=30", viewport: { width: 1440, height: 900 }, colorScheme: "light" },
];

/** Milliseconds in which nothing new is called once a page has come to rest. */
const REST = 700;

async function prepared(context) {
  const page = await context.newPage();
  await page.addInitScript(() => {
    // The rest never comes.
    Object.defineProperty(window, "bringRest", { get: () => () => new Promise(() => {}), set: () => {} });
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...given) => {
      const result = await instantiate(...given);
      const { exports } = result.instance;
      const marks = Object.entries(exports).filter(([name, mark]) => name.startsWith("called") && mark instanceof WebAssembly.Global);
      window.called = () => marks.filter(([, mark]) => mark.value).map(([name]) => name);
      return result;
    };
  });
  await page.route(/\/$|index\.html/, async (route) => {
    const response = await route.fetch();
    // The module is another one than the document names the hash of.
    await route.fulfill({ response, body: (await response.text()).replace(/ integrity="[^"]*"/g, "") });
  });
  await page.route("**/*_bg.wasm", (route) => route.fulfill({ contentType: "application/wasm", body: module }));
  return page;
}

/** The names of what has been called, once that no longer grows. */
async function settled(page) {
  for (let names = []; ; ) {
    await page.waitForTimeout(REST);
    const more = await page.evaluate(() => window.called());
    if (more.length === names.length) return more;
    names = more;
  }
}

/** Steps forward and back. Waits for each step: the page draws keys that come at once as one change, which may be none. */
async function stepped(page) {
  const position = ".transport .position b";
  for (const key of ["ArrowDown", "j", "ArrowUp", "k"]) {
    const before = await page.textContent(position);
    await page.keyboard.press(key);
    await page.waitForFunction(([where, before]) => document.querySelector(where).textContent !== before, [position, before]);
  }
}

const names = new Set();
await served(stage, "plain", async (address) => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
  for (const { address: link, ...look } of VISITS) {
    const context = await browser.newContext({ ...look, serviceWorkers: "block" });
    const page = await prepared(context);
    await page.goto(address + link);
    await page.waitForSelector(".runs .row.current", { timeout: 120_000 });
    await stepped(page);
    await settled(page);
    await stepped(page);
    await page.locator(".runs .row.current").first().hover();
    await page.mouse.wheel(0, 300);
    for (const name of await settled(page)) names.add(name);
    await context.close();
  }
  await browser.close();
});
console.log([...names].join("\n"));
