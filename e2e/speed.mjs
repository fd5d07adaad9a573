// In Chromium: instructions per second with counters on, how long any step of a long run takes to be shown, how long a move of a drag
// on the timeline and a filter take, and how long an edit of a macro takes.
// `node speed.mjs FOLDER`, with the folder of a page that has the feature `bench`, prints the median of the samples.
import { told, withPage } from "./measure.mjs";

const SAMPLES = 5;
/** Rounds of the benchmark in a sample: about a second. */
const ROUNDS = 50;

/** Steps sought in a run of a hundred thousand. */
const SEEKS = 60;

/** Moves of a drag along the timeline. */
const MOVES = 60;

/** Changes of the filter. */
const FILTERS = 24;

/** So many injections. */
const INJECTIONS = 2000;

/** Edits of a macro. */
const EDITS = 25;

/** Milliseconds of a frame. */
const FRAME = 16;

/** A handler loads another CR3, and form E keeps it: user mode faults until the page stops recording. */
const ENDLESS = "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi";

await withPage(process.argv[2], async (page) => {
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
  console.log(`in Chromium, run with counters: ${told(rates)} million instructions/s`);

  await page.goto(`${new URL(page.url()).origin}/?long#${ENDLESS}`);
  await page.waitForSelector(".runs .row.current", { state: "attached" });
  const { times, whole, steps } = await page.evaluate(async (seeks) => {
    const slider = document.querySelector(".timeline [role=slider]");
    const { left, width, top } = slider.getBoundingClientRect();
    const [times, whole] = [[], []];
    // A task of its own, after all that the event has set off; timers are held back by milliseconds.
    const { port1, port2 } = new MessageChannel();
    const drawn = () => new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    for (let nth = 1; nth <= seeks; nth++) {
      // The golden ratio visits the run evenly and in no order.
      const clientX = left + width * ((nth * 0.618034) % 1);
      const start = performance.now();
      slider.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, clientX, clientY: top + 5, buttons: 1, pointerId: 1 }));
      await drawn();
      document.body.getBoundingClientRect();
      times.push(performance.now() - start);
      // The listing comes when the frame is drawn.
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
      document.body.getBoundingClientRect();
      whole.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return { times, whole, steps: Number(slider.getAttribute("aria-valuemax")) };
  }, SEEKS);
  // The first click finds code and styles that the browser has not used before.
  const [first, ...others] = times;
  const within = others.filter((time) => time < FRAME).length;
  console.log(`in Chromium, any step of ${steps} shown, with layout: ${told(others, 1)} ms; ${within} of ${others.length} within ${FRAME} ms`);
  console.log(`the first click after loading: ${first.toFixed(1)} ms`);
  console.log(`with the listing, a frame later: ${told(whole.slice(1), 1)} ms`);

  const many = Array.from({ length: INJECTIONS }, () => "kernel_loop%2B1:nmi").join("%2C");
  for (const [name, query, link] of [
    ["a hundred thousand steps", "long-drag", ENDLESS],
    [`${INJECTIONS} injections`, "many", `v=1&a=A&b=E&s=${many}`],
  ]) {
    await page.goto(`${new URL(page.url()).origin}/?${query}#${link}`);
    await page.waitForSelector(".page:not(.shell, [aria-busy]) .runs .row.current", { state: "attached" });
    await page.waitForTimeout(1500);
    const { moves, filters } = await page.evaluate(moved, { moves: MOVES, filters: FILTERS });
    for (const [what, [first, ...others]] of [
      ["a move of a drag, layout included,", moves.own],
      ["the same with the frame that the browser paints", moves.whole],
      ["a filter, layout included,", filters.own],
      ["the same with the frame that the browser paints", filters.whole],
    ]) {
      const within = others.filter((time) => time <= FRAME).length;
      console.log(`in Chromium, ${name}: ${what} ${told(others, 1)} ms; ${within} of ${others.length} within ${FRAME} ms; the first ${first.toFixed(1)} ms`);
    }
  }

  await page.goto(`${new URL(page.url()).origin}/?edit#v=1&a=A&b=custom&s=kernel_loop%2B1:nmi`);
  await page.getByRole("button", { name: "Own macro" }).click();
  const edits = await page.evaluate(async (edits) => {
    const area = document.querySelector(".editor textarea");
    const counter = document.querySelector("[data-counter=cr3_writes] .right");
    const { port1, port2 } = new MessageChannel();
    const drawn = () => new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    // Two macros whose runs differ, so that each edit shows when it is done.
    const write = ".macro RESTORE_CR3 scratch_reg:req save_reg:req\n\tmovq\t\\save_reg, %cr3\n.endm\n";
    const twice = write.replace(".endm", "\tmovq\t\\save_reg, %cr3\n.endm");
    const times = [];
    for (let nth = 0; nth <= edits; nth++) {
      const before = counter.textContent;
      area.value = nth % 2 ? twice : write;
      area.dispatchEvent(new InputEvent("input", { bubbles: true }));
      const start = performance.now();
      // The text is taken when the focus leaves, and not after the pause for a person who types on.
      area.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
      while (counter.textContent === before && performance.now() - start < 2000) await drawn();
      document.body.getBoundingClientRect();
      times.push(performance.now() - start);
      if (counter.textContent === before && nth > 0) throw new Error("an edit changed nothing");
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return times.slice(1);
  }, EDITS);
  console.log(`in Chromium, an edited macro, until both runs are recorded, aligned and drawn: ${told(edits, 1)} ms`);
});

/** How long each move of a drag and each filter keeps the page's thread until it is laid out, and until it is painted. Runs in the page. */
async function moved({ moves, filters }) {
  const { port1, port2 } = new MessageChannel();
  const task = () => new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const rest = () => new Promise((resolve) => setTimeout(resolve, 30));
  const slider = document.querySelector(".timeline [role=slider]");
  const { left, width, top } = slider.getBoundingClientRect();
  const point = (kind, share) =>
    slider.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: left + width * share, clientY: top + 5, buttons: 1, pointerId: 1 }));
  point("pointerdown", 0.1);
  await rest();
  const times = { moves: { own: [], whole: [] }, filters: { own: [], whole: [] } };
  for (let nth = 1; nth <= moves; nth++) {
    await frame();
    // What the event itself costs, and what the next frame does for it. Callbacks of a frame run in the order in which they were asked for.
    const start = performance.now();
    let begun = 0;
    requestAnimationFrame(() => (begun = performance.now()));
    point("pointermove", 0.1 + (0.8 * nth) / moves);
    const event = performance.now() - start;
    await frame();
    const drawn = performance.now() - begun;
    // The browser paints the frame before the next task.
    await task();
    const painted = performance.now();
    document.body.getBoundingClientRect();
    const laidOut = performance.now() - painted;
    times.moves.own.push(event + drawn + laidOut);
    times.moves.whole.push(event + performance.now() - begun);
    await rest();
  }
  const buttons = [...document.querySelectorAll(".runs .filter .segments button")];
  for (let nth = 1; nth <= filters; nth++) {
    // A filter within the callbacks of a frame, as a move is: the next callback finds what it has drawn.
    const button = buttons[nth % buttons.length];
    let begun = 0;
    requestAnimationFrame(() => {
      begun = performance.now();
      button.click();
    });
    await frame();
    document.body.getBoundingClientRect();
    times.filters.own.push(performance.now() - begun);
    await task();
    times.filters.whole.push(performance.now() - begun);
    await rest();
  }
  return times;
}
