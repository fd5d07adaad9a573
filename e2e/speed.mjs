// Instructions per second in Chromium with counters on: `node speed.mjs DIST` prints the median of five samples.
import { told, withPage } from "./measure.mjs";

const SAMPLES = 5;
/** Rounds of the benchmark in a sample: about a second. */
const ROUNDS = 50;

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
});
