import { test, expect, address, opened } from "./page";

test.use({ judging: "off" });

/** mulberry32: the same seed gives the same storm. */
function random(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const KEYS = ["j", "k", "J", "K", "]", "[", "c", "C", "f", "F", "e", "E", "i", "n", "d", "m", "x", "?", "Escape", " ", "PageDown", "PageUp", "Home", "End", "Tab", "Enter", "ArrowDown"];

for (const seed of [1, 2, 3]) {
  for (const width of [1440, 390]) {
    test(`survives storm ${seed} at ${width} px`, async ({ page }) => {
      test.setTimeout(180_000);
      await page.setViewportSize({ width, height: 850 });
      await opened(page);
      const next = random(seed);
      for (let deed = 0; deed < 150; deed++) {
        if (next() < 0.5) {
          await page.keyboard.press(KEYS[Math.floor(next() * KEYS.length)]);
          continue;
        }
        const chance = next();
        // A click as a person makes it: at what is visible, whatever lies there.
        const at = await page.evaluate((chance) => {
          const targets = [...document.querySelectorAll("button:not(:disabled), select, .runs .row, .track, summary")].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width > 0 && box.top >= 0 && box.bottom <= innerHeight;
          });
          const one = targets[Math.floor(chance * targets.length)];
          if (one instanceof HTMLSelectElement) {
            one.selectedIndex = Math.floor(chance * 7919) % one.options.length;
            one.dispatchEvent(new Event("change", { bubbles: true }));
            return null;
          }
          const box = one.getBoundingClientRect();
          return { x: box.x + box.width * 0.5, y: box.y + box.height * 0.5 };
        }, chance);
        if (at) await page.mouse.click(at.x, at.y);
      }
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("CR3 playground");
      await address(page);
      // A run that goes on at a pace writes another step until the page is left.
      await page.evaluate(() => addEventListener("pagehide", () => sessionStorage.setItem("left", location.href)));
      await page.reload();
      const url = await page.evaluate(() => sessionStorage.getItem("left"));
      // Not the position: at 390 px a side that does not run has none.
      await expect(page.locator(".transport")).toBeVisible();
      expect(await address(page), "the link of any state opens as itself").toBe(url);
      await expect(page.getByRole("alert")).toBeEmpty();
    });
  }
}
