import { test as base, expect, type Page } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";

/**
 * What the strip does without being asked. For a visitor it judges single exceptions and then goes deeper while the page rests,
 * which takes a processor for a minute. A test that looks at the verdict only needs no more than single exceptions; a test that
 * does not even look at it needs nothing.
 */
type Judging = "as for a visitor" | "single exceptions" | "off";

/**
 * `test` for every spec: a test fails when the page logs an error or throws, and when a request of the page fails, whatever
 * else the test looked at.
 */
export const test = base.extend<{ complaints: string[]; judging: Judging }>({
  judging: ["single exceptions", { option: true }],
  page: async ({ page, judging }, use) => {
    if (judging === "off") await page.addInitScript(() => localStorage.setItem("cr3-judging", "false"));
    // A page that is out of sight does not go deeper; explore.spec.ts tests that.
    if (judging === "single exceptions") await page.addInitScript(() => Object.defineProperty(document, "hidden", { value: true }));
    await use(page);
  },
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(`console: ${message.text()}`);
      });
      page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
      page.on("response", (response) => {
        if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

/**
 * Every accessibility rule that axe knows, best practices included, on the page as it is now. What axe leaves undecided about
 * contrast is decided here.
 */
export async function expectAccessible(page: Page) {
  // No page has frames, so axe can run in one piece, without a second page that puts pieces together.
  const axe = new AxeBuilder({ page }).setLegacyMode().options({ resultTypes: ["violations", "incomplete"] });
  const { violations, incomplete } = await axe.analyze();
  const summary = violations.map(({ id, help, nodes }) => ({ id, help, targets: nodes.map((node) => node.target) }));
  expect(summary).toEqual([]);
  const undecided = incomplete.filter(({ id }) => id === "color-contrast").flatMap(({ nodes }) => nodes.map(({ target }) => String(target[0])));
  expect(await page.evaluate(tooFaint, undecided), "contrast").toEqual([]);
}

/** Looks at the page in both colour schemes; a failure says in which. */
export async function inEachScheme(page: Page, look: (page: Page) => Promise<void>) {
  for (const colorScheme of ["light", "dark"] as const) {
    await test.step(colorScheme, async () => {
      await page.emulateMedia({ colorScheme });
      // No colour is halfway to another.
      await page.evaluate(() => document.getAnimations().forEach((it) => it instanceof CSSTransition && it.finish()));
      await look(page);
    });
  }
}

/**
 * The texts of these elements with less contrast than 4.5 to one of the colours behind them (WCAG 2.1, 1.4.3). Axe stops at
 * patterns, at marks before a text and at what is covered in part; here every colour of a pattern counts, and what covers nothing
 * of the text does not. Runs in the page.
 */
function tooFaint(selectors: string[]) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  /** Red, green, blue and alpha, from 0 to 1, of any colour of CSS. */
  const rgba = (colour: string) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = (top: number[], below: number[]) => top.slice(0, 3).map((part, at) => part * top[3]! + below[at]! * (1 - top[3]!));
  const light = (colour: number[]) => {
    const [red, green, blue] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const contrast = (one: number[], other: number[]) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high! + 0.05) / (low! + 0.05);
  };
  /** Every colour that may be behind the text of an element, from the document inwards. */
  const behind = (element: Element): number[][] => {
    const outer = element.parentElement ? behind(element.parentElement) : [[1, 1, 1]];
    const { backgroundColor, backgroundImage, backgroundRepeat, backgroundSize } = getComputedStyle(element);
    const plain = outer.map((below) => over(rgba(backgroundColor), below));
    // A bar at the edge of a cell is beside the text.
    const isEdge = backgroundRepeat === "no-repeat" && parseFloat(backgroundSize) <= 8;
    const stops = (isEdge ? "" : backgroundImage).match(/(?:oklch|oklab|rgba?|color|lab|lch)\([^()]*\)/g) ?? [];
    return [...plain, ...stops.flatMap((stop) => plain.map((below) => over(rgba(stop), below)))];
  };
  const faint = (element: Element) => {
    const { color } = getComputedStyle(element);
    const ratios = behind(element).map((ground) => contrast(over(rgba(color), ground), ground));
    return Math.min(...ratios) < 4.5 ? [`${element.textContent}: ${Math.min(...ratios).toFixed(2)}`] : [];
  };
  const disabled = (element: Element) => element.closest(":disabled, [aria-disabled=true]") !== null;
  return selectors.flatMap((selector) => [...document.querySelectorAll(selector)].filter((it) => !disabled(it)).flatMap(faint));
}

/** Closes the dialog that is open. The first Escape may close an explanation. */
export async function closeDialog(page: Page) {
  await expect(async () => {
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0, { timeout: 500 });
  }).toPass();
}

/** Opens the page at a link, without `#`, and waits until it shows a run and all around it. */
export async function opened(page: Page, link = "") {
  await page.goto(link ? `#${link}` : "");
  await ready(page);
}

/** The page has drawn everything. Keys that come before are lost. */
export async function ready(page: Page) {
  await expect(page.locator(".page:not(.shell, [aria-busy])")).toBeAttached();
  await expect(page.locator(".transport .position b").first()).not.toHaveText("0");
}

/**
 * The address once the page has written it: the page draws first, and writes a few times a second at most. The timers of a
 * page fire in order, however slow the machine, so that this one comes after those that the page has set.
 */
export async function address(page: Page) {
  return page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return location.href;
  });
}

/** Opens the search by its key and types these words. */
export async function search(page: Page, words: string) {
  await page.keyboard.press("/");
  await expect(page.getByRole("combobox", { name: /^Search steps/ })).toBeFocused();
  await page.keyboard.type(words);
}

/**
 * Opens the editor of a person's own macro, and waits for the editor of code. A text area that it is about to take the place of
 * cannot be filled.
 */
export async function openEditor(page: Page) {
  await page.getByRole("button", { name: "Own macro" }).click();
  await expect(page.locator(".cm-content")).toBeVisible();
}

/** Where a person types a macro: a text area, and the editor of code that takes its place once it is loaded. */
export const macro = (page: Page) => page.getByRole("textbox", { name: "Text of the macro" });

/** The text in it. It is short: the editor of code has no more lines in the document than are about to be seen. */
export const textOf = (page: Page) =>
  macro(page).evaluate((it) => (it instanceof HTMLTextAreaElement ? it.value : [...it.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n")));

export const expectText = (page: Page, text: string | RegExp) => {
  const polled = expect.poll(() => textOf(page));
  return typeof text === "string" ? polled.toBe(text) : polled.toMatch(text);
};

/** Keeps the editor of code away: the text area stays. */
export const withoutCode = (where: Pick<Page, "route">) =>
  where.route("**/editor/editor.js*", (route) => route.fulfill({ contentType: "text/javascript", body: "export {};" }));

const position = (page: Page, side: 0 | 1) => page.locator(".transport .position b").nth(side);

/** The number of the current step of a side, from 1; of the left one by default. */
export async function step(page: Page, side: 0 | 1 = 0) {
  return Number(await position(page, side).innerText());
}

/** Waits for a step: while a text is assembled, the runs before it are still shown. */
export async function expectStep(page: Page, at: number | null, side: 0 | 1 = 0) {
  await expect(position(page, side)).toHaveText(String(at));
}

export { expect };
