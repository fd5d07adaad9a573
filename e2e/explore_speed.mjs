// The searches of `cr3play bench --explore 2` in Chromium: `node explore_speed.mjs FOLDER`, with the folder of a page that has the feature
// `bench`, prints the median of the samples. The workers' module is called in the page, as nothing else happens there.
import { told, withPage } from "./measure.mjs";

/** Samples of a search, and the milliseconds after which it is not repeated. */
const SAMPLES = 5;
const LONG = 5000;

await withPage(process.argv[2], async (page) => {
  const found = await page.evaluate(
    async ({ samples, long }) => {
      const { default: start, Searches } = await import(new URL("worker/cr3-worker.js", document.baseURI));
      await start();
      const searches = new Searches();
      return searches.names().map((name, index) => {
        const times = [];
        do {
          const begin = performance.now();
          searches.run(index);
          times.push(performance.now() - begin);
        } while (times.length < samples && times[0] < long);
        return { name, times };
      });
    },
    { samples: SAMPLES, long: LONG },
  );
  console.log("searches in Chromium, from the text to the verdict:");
  for (const { name, times } of found) console.log(`  ${name.padEnd(50)} ${told(times, 0)} ms, ${times.length} samples`);
});
