// Colours that the system forces: every difference in meaning is one in shape, border, pattern or system colour too.
import { test, expect, expectAccessible, inEachScheme, opened, search } from "./page";
import type { Locator, Page } from "@playwright/test";

/** What a mark looks like to somebody for whom all colours of the page are gone. */
async function look(mark: Locator, pseudo?: "::before" | "::after") {
  return mark.first().evaluate((it, pseudo) => {
    const style = getComputedStyle(it, pseudo);
    const names = [
      "backgroundColor", "backgroundImage", "borderTopStyle", "borderTopWidth", "borderLeftStyle", "borderLeftWidth", "borderRightStyle",
      "borderRightWidth", "borderRadius", "outlineStyle", "outlineWidth", "clipPath", "content",
    ] as const;
    return names.map((name) => `${name}: ${style[name]}`).join("\n");
  }, pseudo);
}

/** Marks of different meaning, none of which looks like another. */
async function allDiffer(page: Page, marks: [string, "::before"?][]) {
  const looks = new Map<string, string>();
  for (const [selector, pseudo] of marks) {
    await expect(page.locator(selector).first(), selector).toBeAttached();
    const seen = await look(page.locator(selector), pseudo);
    expect(looks.get(seen), `${selector} looks like another`).toBeUndefined();
    looks.set(seen, selector);
  }
}

/** A system in which the stripe has everything: what holds, what breaks and what is impossible. */
const STRIPE = "v=1&a=A&b=never&f=pti,pcid,fsgsbase,nx&h=pending-flush&follow=no&code=sysret_exit_switch_cr3";

test.beforeEach(async ({ page }) => {
  await page.emulateMedia({ forcedColors: "active" });
});

test("on and off", async ({ page }) => {
  await opened(page, "v=1&f=pti,pcid");
  await inEachScheme(page, async () => {
    await allDiffer(page, [['.features .chip[aria-pressed="true"]', "::before"], ['.features .chip[aria-pressed="false"]', "::before"]]);
    await allDiffer(page, [['.inspector .segments [aria-pressed="true"]'], ['.inspector .segments [aria-pressed="false"]']]);
  });
});

test("halves of the tables, and the marks of the timeline", async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&f=pti,pcid,fsgsbase,nx&h=pending-flush&s=entry_SYSRETQ_unsafe_stack:nmi");
  await inEachScheme(page, async () => {
    await allDiffer(page, [[".stretches .kernel.ring0"], [".stretches .user.ring0"], [".stretches .user.ring3"]]);
    await allDiffer(page, [[".events .injection"], [".events .delivery"], [".events .flush"], [".events .noflush"], [".events .broken", "::before"]]);
    await allDiffer(page, [[".track .differences i"], [".track .cursor"]]);
  });
});

test("rows: halves, what differs, what is current", async ({ page }) => {
  await opened(page);
  await inEachScheme(page, async () => {
    await allDiffer(page, [[".runs .cell.kernel"], [".runs .cell.gap"]]);
    await allDiffer(page, [[".fields td.changed"], [".fields td:not(.changed)"]]);
  });
  await page.getByRole("button", { name: "Next step" }).click();
  await inEachScheme(page, async () => {
    await allDiffer(page, [[".runs .row.current"], [".runs .row:not(.current):not(.differs)"], [".runs .row.differs:not(.current)"]]);
    await allDiffer(page, [[".code .row.instruction.current"], [".code .row.instruction:not(.current):not(.other)"]]);
  });
});

test("the result of a search that Enter takes", async ({ page }) => {
  await opened(page);
  await search(page, "cr3");
  await expect(page.locator('.find li[aria-selected="true"]')).toBeVisible();
  await inEachScheme(page, async () => {
    await allDiffer(page, [['.find li[aria-selected="true"]'], ['.find li[aria-selected="false"]']]);
  });
});

test("the stripe and the verdicts", async ({ page }) => {
  test.setTimeout(120_000);
  await opened(page, STRIPE);
  const [holds, breaks] = [page.locator(".judged.holds > b"), page.locator(".judged.breaks > b")];
  await expect(holds).toHaveText("A");
  await expect(breaks).toHaveText("never");
  await inEachScheme(page, expectAccessible);
  const glyph = (it: Locator) => it.evaluate((it) => getComputedStyle(it, "::before").content);
  const others: string[] = [];
  await inEachScheme(page, async () => {
    expect(await glyph(holds)).not.toBe(await glyph(breaks));
    await allDiffer(page, [[".code .heat.holds"], [".code .heat.impossible"]]);
    for (const heat of ["holds", "impossible"]) others.push(await look(page.locator(`.code .heat.${heat}`)));
  });
  await page.getByRole("button", { name: "never", exact: true }).click();
  await page.getByLabel("Go to a label").selectOption({ label: "entry_SYSCALL_64" });
  await expect(page.locator(".code .heat.breaks").first()).toBeAttached();
  await inEachScheme(page, async () => expect(others).not.toContain(await look(page.locator(".code .heat.breaks"))));
});
