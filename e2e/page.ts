import { test as base, expect, type Page } from "@playwright/test";
import AxeBuilder from "@axe-core/playwright";

/**
 * `test` for every spec: a test fails when the page logs an error or throws, and when a request of the page fails, whatever
 * else the test looked at.
 */
export const test = base.extend<{ complaints: string[] }>({
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

/** Every accessibility rule that axe knows, best practices included, on the page as it is now. */
export async function expectAccessible(page: Page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const summary = violations.map(({ id, help, nodes }) => ({ id, help, targets: nodes.map((node) => node.target) }));
  expect(summary).toEqual([]);
}

/** Opens the page at a link, without `#`, and waits until it shows a run. */
export async function opened(page: Page, link = "") {
  await page.goto(link ? `#${link}` : "");
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

/** The number of the current step of a side, from 1; of the left one by default. */
export async function step(page: Page, side: 0 | 1 = 0) {
  return Number(await page.locator(".transport .position b").nth(side).innerText());
}

export { expect };
