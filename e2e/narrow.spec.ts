import { test, expect, expectStep, expectAccessible, opened, step } from "./page";

test.use({ judging: "off" });

test("nothing sticks out", async ({ page }) => {
  for (const width of [360, 390, 700, 1024]) {
    await test.step(`at ${width} px`, async () => {
      await page.setViewportSize({ width, height: 780 });
      await opened(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(wide).toBe(0);
    });
  }
});

test("the decisive mark is whole", async ({ page }) => {
  await opened(page);
  for (const width of [360, 700, 900, 1024, 1200, 1280, 1440]) {
    await test.step(`at ${width} px`, async () => {
      await page.setViewportSize({ width, height: 800 });
      const mark = page.locator(".runs .row.current .mark");
      await expect(mark).toContainText("redundant");
      const cut = await mark.evaluate((it) => it.getBoundingClientRect().right - it.parentElement!.getBoundingClientRect().right);
      expect(cut).toBeLessThanOrEqual(0.5);
      const [cell, code] = await mark.evaluate((it) => [it.closest(".cell")!, it.closest(".cell")!.querySelector("code")!].map((box) => box.getBoundingClientRect().width));
      expect(code! / cell!, "the instruction keeps room beside it").toBeGreaterThan(0.25);
    });
  }
});

for (const [width, height] of [[360, 740], [390, 844]] as const) {
  test(`the step at hand stands above the moves at ${width} × ${height}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page);
    const inSight = async () => {
      const row = (await page.locator(".runs .row.current").boundingBox())!;
      const bar = (await page.locator(".transport").boundingBox())!;
      expect(row.y + row.height).toBeLessThanOrEqual(bar.y);
    };
    await inSight();
    for (let times = 0; times < 8; times++) {
      await page.getByRole("button", { name: "Next step" }).click();
      await inSight();
    }
  });
}

test("sixty injections leave the panes their room", async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const many = Array.from({ length: 60 }, (_, index) => `kernel_loop#${index + 1}:nmi`).join(",");
  await opened(page, `v=1&s=${encodeURIComponent(many)}`);
  await expect(page.locator(".schedule .strike")).toHaveCount(60);
  for (const pane of [".code", ".runs"]) {
    const rows = (await page.locator(`.pane${pane} .rows`).boundingBox())!;
    expect(rows.height).toBeGreaterThan(250);
  }
  // Each can be scrolled to.
  for (const chip of [page.locator(".schedule .strike").first(), page.locator(".schedule .strike").last()]) {
    await chip.scrollIntoViewIfNeeded();
    await expect(chip).toBeInViewport({ ratio: 0.9 });
  }
});

test.describe("at 360 px", () => {
  test.use({ viewport: { width: 360, height: 740 }, hasTouch: true });

  test("shows one side at a time and moves under the thumb", async ({ page }) => {
    await opened(page);
    const current = page.locator(".runs .row.current");
    await expect(current.locator(".side-a")).toBeVisible();
    await expect(current.locator(".side-b")).toBeHidden();
    await page.getByRole("group", { name: "Run that is shown" }).getByRole("button", { name: "E" }).tap();
    await expect(current.locator(".side-b")).toBeVisible();
    await expect(current.locator(".side-a")).toBeHidden();
    const before = await step(page);
    await page.getByRole("button", { name: "Next step" }).tap();
    await expectStep(page, before + 1);
    for (const button of await page.locator(".transport button:visible").all()) {
      const box = (await button.boundingBox())!;
      expect(box.height, await button.innerText()).toBeGreaterThanOrEqual(40);
      expect(box.y + box.height, "fixed at the bottom").toBeLessThanOrEqual(740);
    }
  });

  test("injects in the code pane", async ({ page }) => {
    await opened(page, "v=1&s=&at=165");
    const panes = page.getByRole("group", { name: "Pane" });
    await panes.getByRole("button", { name: "Code" }).tap();
    await page.getByRole("button", { name: /^Inject at kernel_loop/ }).first().tap();
    await page.getByRole("dialog").getByRole("button", { name: /NMI/ }).tap();
    await expect(page.locator(".runs .row.current .side-a")).toContainText("NMI strikes");
    await expect(page.locator(".pane.runs")).toBeVisible();
    await panes.getByRole("button", { name: "State" }).tap();
    await expect(page.locator(".cr3")).toBeVisible();
  });

  test("is accessible in every pane", async ({ page }) => {
    await opened(page);
    for (const pane of ["Code", "Runs", "State"]) {
      await page.getByRole("group", { name: "Pane" }).getByRole("button", { name: pane }).tap();
      await expectAccessible(page);
    }
  });
});

for (const width of [390, 1440]) {
  test(`a step number of six digits has room at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 });
    await opened(page, "v=1&a=C&b=E&h=rogue-cr3&s=kernel_loop%2B1:nmi&at=99999");
    const number = page.locator(".runs .row.current .side-a .number");
    await expect(number).toHaveText("100000");
    const [lines, cut] = await number.evaluate((it) => [it.getBoundingClientRect().height / 11, it.scrollWidth - it.clientWidth]);
    expect(lines).toBeLessThan(2);
    expect(cut).toBeLessThanOrEqual(0);
  });
}
