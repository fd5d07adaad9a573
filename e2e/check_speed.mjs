// The check with Unicorn in Chromium, on a page that is built with the feature `bench`: `node check_speed.mjs FOLDER` measures it in two ways, as a person waits
// for it (click, worker, slices, drawing), and called in the page with nothing between both processors but the checker.
import { spread, told, withPage } from "./measure.mjs";

const SAMPLES = 9;
/** Rounds of the story in a sample of a rate. */
const ROUNDS = 20;
const SWEEPS = 5;

/** What people are promised, in milliseconds; a measurement beyond it ends this program with status 1. */
const STORY_LIMIT = 200;
const SWEEP_LIMIT = 10_000;

const AGREES = /^A: agrees on all (\d+) steps; E: agrees on all (\d+) steps$/;

const line = (what, samples, unit, digits) => console.log(`  ${what.padEnd(58)} ${told(samples, digits)} ${unit}`);

/** Compiles, opens and loads, as often as there are samples, and runs the story with and without the check. */
function called({ samples, rounds }) {
  const clock = () => performance.now();
  const timed = (work) => {
    const start = clock();
    const result = work();
    return [clock() - start, result];
  };
  const sum = (a, b) => a + b;
  return (async () => {
    const { default: start, Opening } = await import(new URL("worker/cr3-worker.js", document.baseURI));
    await start();
    const bytes = await (await fetch("unicorn/unicorn.wasm")).arrayBuffer();
    const found = { compile: [], boot: [], open: [], load: [], first: [], again: [], checked: [], alone: [], steps: 0 };
    for (let sample = 0; sample < samples; sample++) {
      const start = clock();
      const module = await WebAssembly.compile(bytes);
      found.compile.push(clock() - start);
      const [boot, opening] = timed(() => new Opening());
      const [open] = timed(() => opening.open(module));
      found.boot.push(boot / 2);
      found.open.push(open);
      for (const index of [0, 1]) {
        const [load] = timed(() => opening.load(index));
        const [follow, steps] = timed(() => opening.follow());
        found.load.push(load);
        found.steps += steps / samples;
        (index ? found.again : found.first).push(follow);
      }
      opening.alone();
      const [alone, instructions] = timed(() => Array.from({ length: rounds }, () => opening.alone()).reduce(sum));
      found.alone.push(instructions / alone / 1000);
      const follows = Array.from({ length: 2 * rounds }, (_, index) => {
        opening.load(index);
        return timed(() => opening.follow());
      });
      const [time, steps] = [0, 1].map((part) => follows.map((follow) => follow[part]).reduce(sum));
      found.checked.push(steps / time / 1000);
      opening.free();
    }
    return found;
  })();
}

/** Does `action` on the element that `selector` finds, and waits in the page until `says` matches; how long, and the text. */
function waited(page, selector, action, region, says) {
  return page.evaluate(
    ([selector, action, region, says]) =>
      new Promise((resolve) => {
        const start = performance.now();
        const look = () => {
          const text = document.querySelector(region)?.textContent ?? "";
          if (!new RegExp(says).test(text)) return;
          observer.disconnect();
          resolve({ time: performance.now() - start, text });
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { subtree: true, childList: true, characterData: true });
        const element = document.querySelector(selector);
        if (action === "click") return element.click();
        element.value = action;
        element.dispatchEvent(new Event("change", { bubbles: true }));
      }),
    [selector, action, region, says.source],
  );
}

const SWITCH = ".check > .chip";
const LEFT_FORM = ".setup .forms select";
const HEADLINE = ".check .headline";
const agreed = async (page, selector, action) => (await waited(page, selector, action, HEADLINE, AGREES)).time;

async function sweep(page) {
  const { time, text } = await waited(page, ".check .sweeps .button", "click", ".check .result", /agree on all of them/);
  const [, struck, compared] = text.match(/ (\d+) struck, .* (\d+) steps compared/).map(Number);
  return { time, struck, compared };
}

await withPage(process.argv[2], async (page) => {
  const found = await page.evaluate(called, { samples: SAMPLES, rounds: ROUNDS });
  console.log("called in the page:");
  line("compile the module", found.compile, "ms", 1);
  line("open an engine", found.open, "ms", 1);
  line("boot a form", found.boot, "ms", 1);
  line("load the image", found.load, "ms", 1);
  line("follow form A, the engine's first run", found.first, "ms", 1);
  line("follow form E after it", found.again, "ms", 1);
  line(`${Math.round(found.steps)} steps of both forms with the check, warm`, found.checked, "million steps/s");
  line("the same story without the check, all counters on", found.alone, "million instructions/s");

  const first = await agreed(page, SWITCH, "click");
  const [switched, again] = [[], []];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await waited(page, SWITCH, "click", ".check .says", /^$/);
    switched.push(await agreed(page, SWITCH, "click"));
    await waited(page, LEFT_FORM, "1", HEADLINE, /^B2: agrees on all .* E: agrees on all \d+ steps$/);
    again.push(await agreed(page, LEFT_FORM, "0"));
  }
  console.log("as a person waits for it, both forms, from the click until the page says that they agree:");
  line("the opening story, the first time, fetching included", [first], "ms", 0);
  line("switched off and on again", switched, "ms", 0);
  line("once loaded, another form chosen", again, "ms", 0);

  const sweeps = [];
  for (let sample = 0; sample < SWEEPS; sample++) sweeps.push(await sweep(page));
  const { struck, compared } = sweeps[0];
  line(`every single injection into A: ${struck} strike, ${compared} steps`, sweeps.map(({ time }) => time), "ms", 0);
  line("of these", sweeps.map(({ time, compared }) => compared / time / 1000), "million steps/s");

  const slow = [["the opening story", spread(again).median, STORY_LIMIT], ["the sweep", spread(sweeps.map(({ time }) => time)).median, SWEEP_LIMIT]];
  for (const [what, time, limit] of slow.filter(([, time, limit]) => time > limit)) {
    console.log(`${what} takes ${time.toFixed(0)} ms; the limit is ${limit} ms`);
    process.exitCode = 1;
  }
});
