import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test, expect, expectStep, closeDialog, expectAccessible, inEachScheme, address, opened, macro, openEditor } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "as for a visitor" });

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

const FEATURES = "pti,pcid,invpcid,fsgsbase,nx";
const REENTRANT = readFileSync(new URL("../testdata/explore/reentrant.S", import.meta.url), "utf8");

interface Explored {
  verdict: string;
  schedules: number;
  breaking: number;
  excluded: Record<string, number>;
  violations: { promise: string; schedule: string; step: number; message: string }[];
}

/** What the terminal says of single exceptions, or of schedules up to a depth. */
function explored(form: string, handler = "quiet", features = FEATURES, depth = "1"): Explored {
  const { stdout } = spawnSync(cr3play, ["explore", "--form", form, "--handler", handler, "--features", features, "--depth", depth, "--json"]);
  return JSON.parse(stdout.toString());
}

const verdict = (page: Page, side: 0 | 1) => page.locator(`.judged[data-side="${side}"]`);

/** The modules that a page asks for, as it does. */
function modulesOf(page: Page): string[] {
  const modules: string[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.endsWith(".wasm")) modules.push(pathname);
  });
  return modules;
}

const grouped = (count: number) => count.toLocaleString("en-US");

test("from a cold load to a counterexample of never in two clicks", async ({ page }) => {
  const { schedules, breaking, violations } = explored("never");
  const modules = modulesOf(page);
  await opened(page);
  await expect(verdict(page, 0)).toHaveClass(/holds/);
  await page.getByLabel("Form of the left run").selectOption({ label: "never · for teaching" });
  await expect(verdict(page, 0)).toContainText(`${grouped(breaking)} of ${grouped(schedules)} schedules break`);
  await verdict(page, 0).getByRole("button", { name: /breaks/ }).click();
  await expect(page.getByLabel("Schedule as text")).toHaveValue(violations[0].schedule);
  await expectStep(page, violations[0].step);
  // Both parts of the page's module and that of the workers.
  expect(modules).toHaveLength(3);
  await page.goBack();
  await expect(page.getByLabel("Schedule as text")).toHaveValue("kernel_loop+1:nmi");
  await expect(verdict(page, 0)).toHaveClass(/breaks/);
});

test("the numbers are those of the terminal", async ({ page }) => {
  test.setTimeout(180_000);
  const features = "pti,pcid,fsgsbase,nx";
  await opened(page, `v=1&a=A&b=never&f=${features}&h=pending-flush&follow=no&code=sysret_exit_switch_cr3`);
  const [left, right] = [explored("A", "pending-flush", features), explored("never", "pending-flush", features)];
  await expect(verdict(page, 0)).toContainText(`holds for all single exceptions: ${grouped(left.schedules)} schedules`);
  await expect(verdict(page, 1)).toContainText(`${grouped(right.breaking)} of ${grouped(right.schedules)} schedules break`);
  const row = (heat: string) => page.locator(".code .row.instruction").filter({ has: page.locator(`.heat.${heat}`) });
  await expect(row("holds").first()).toHaveAttribute("title", /\nEvery (single exception here holds: \d+ schedules|schedule that strikes here holds, at any depth)/);
  await expect(row("impossible").first()).toHaveAttribute("title", /\nImpossible here: (\d+|some) excluded by no-request-after-look: /);
  await page.getByRole("button", { name: "never", exact: true }).click();
  await page.getByLabel("Go to a label").selectOption({ label: "entry_SYSCALL_64" });
  await expect(row("breaks").first()).toHaveAttribute("title", /\n\d+ of \d+ schedules that strike here break a promise/);
  await page.getByRole("button", { name: /^under \d+ assumptions$/ }).click();
  const [id, count] = Object.entries(left.excluded).find(([, count]) => count > 0) ?? ["", 0];
  expect(id).toBe("no-request-after-look");
  expect(right.excluded[id]).toBe(count);
  await expect(page.locator(".assumptions .id").filter({ hasText: id })).toHaveText(`${id}: ${grouped(count)} excluded`);
  await closeDialog(page);
  await page.getByRole("button", { name: /counterexamples?$/ }).click();
  const cards = page.locator(".counterexamples .card");
  await expect(cards).toHaveCount(right.violations.length);
  for (const { promise, schedule, step, message } of right.violations) {
    const card = cards.filter({ hasText: `never breaks ${promise} at step ${step}` });
    await expect(card).toContainText(message);
    await expect(card.locator(".schedule-text")).toHaveText(schedule);
  }
});

test("a macro that breaks with two exceptions gets its counterexample", async ({ page }) => {
  test.setTimeout(180_000);
  await opened(page);
  await openEditor(page);
  await macro(page).fill(REENTRANT);
  await page.getByRole("button", { name: "Run it right" }).click();
  await page.keyboard.press("Escape");
  await expect(verdict(page, 1)).toContainText("holds for all single exceptions");
  await expect(verdict(page, 1)).toContainText(/breaks: (NMI|#DB|#MC) at .*, (inside its handler|later) (NMI|#DB|#MC) at /, { timeout: 150_000 });
  await verdict(page, 1).getByRole("button", { name: /breaks/ }).click();
  await expect(page.locator(".strike")).toHaveCount(2);
  await expect(page.locator(".strike.refused")).toHaveCount(0);
  await expect(page.locator(".page")).toHaveAttribute("data-side", "b");
});

test("assumptions that are off travel in the link and the report", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened(page);
  await page.getByRole("button", { name: "under 11 assumptions" }).click();
  await page.getByLabel(/^No debugger pokes text/).uncheck();
  await expect(page.locator(".assumptions .id").filter({ hasText: "no-poke" })).toHaveText(/off, but no system runs kgdb-poke$/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "standard set" }).click();
  expect(await address(page)).toContain("&judge=standard&without=no-poke");
  await page.reload();
  await expect(page.getByRole("button", { name: "under 10 assumptions, 1 off" })).toBeVisible();
  await expect(page.getByRole("button", { name: "standard set" })).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("Y");
  await expect(page.getByRole("alert")).toHaveText(/Report copied/);
  const report = (await page.evaluate(() => navigator.clipboard.readText())).replace(/\s+/g, " ");
  expect(report).toContain("under 10 assumptions, 1 off");
});

test("the report has the verdicts with the commands that say them again", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened(page);
  const { schedules } = explored("E");
  await expect(verdict(page, 1)).toContainText("holds for all single exceptions");
  await page.keyboard.press("Y");
  await expect(page.getByRole("alert")).toHaveText(/Report copied/);
  const report = (await page.evaluate(() => navigator.clipboard.readText())).replace(/(\s\\)?\s+/g, " ");
  expect(report).toContain(`E: holds for all single exceptions: ${grouped(schedules)} schedules`);
  expect(report).toContain(`cr3play explore --form E --depth 1 --vectors nmi,db,mc --handler quiet --features ${FEATURES}`);
});

test("the keyboard alone opens a counterexample and copies it", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await opened(page, "v=1&a=never&b=E&s=");
  await expect(verdict(page, 0)).toHaveClass(/breaks/);
  const focus = (name: RegExp) => page.evaluate((source) => new RegExp(source).test(document.activeElement?.ariaLabel ?? document.activeElement?.textContent ?? ""), name.source);
  const tabTo = async (name: RegExp) => {
    for (let press = 0; press < 80 && !(await focus(name)); press++) await page.keyboard.press("Tab");
    expect(await focus(name), name.source).toBe(true);
  };
  await tabTo(/^\d+ counterexamples?$/);
  await page.keyboard.press("Enter");
  await tabTo(/^Copy as text: never, user-cr3$/);
  await page.keyboard.press("Enter");
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/^never breaks user-cr3 at step \d+\n/);
  await page.keyboard.press("Escape");
  await tabTo(/^\d+ counterexamples?$/);
  await page.keyboard.press("Enter");
  await tabTo(/^Open at the injection: never, user-cr3$/);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".strike")).toHaveCount(1);
  await expect(page.locator(".runs .row.current")).toContainText("strikes");
});

test.describe("without going deeper", () => {
  test.use({ judging: "single exceptions" });

  test("verdicts, cards and switches are accessible", async ({ page }) => {
    test.setTimeout(180_000);
    await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi");
    await expect(verdict(page, 0)).toHaveClass(/breaks/);
    await expect(verdict(page, 1)).toHaveClass(/holds/);
    await inEachScheme(page, expectAccessible);
    await page.getByRole("button", { name: /counterexamples?$/ }).click();
    await inEachScheme(page, expectAccessible);
    await closeDialog(page);
    await page.getByRole("button", { name: /^under \d+ assumptions$/ }).click();
    await inEachScheme(page, expectAccessible);
  });
});

test("a browser that starts no worker has no verdict and says so", async ({ page }) => {
  await page.addInitScript(() => {
    window.Worker = class {
      constructor() {
        throw new Error("no workers here");
      }
    } as unknown as typeof Worker;
  });
  await opened(page, "v=1&a=never&b=E");
  for (const side of [0, 1] as const) {
    await expect(verdict(page, side)).toHaveClass(/silent/);
    await expect(verdict(page, side)).toContainText("no verdict: this browser cannot start a worker for it (no workers here)");
  }
});

test("any depth is said where the terminal comes to a fixpoint, and nowhere else", async ({ page }) => {
  test.setTimeout(400_000);
  const { verdict: found } = explored("E", "quiet", FEATURES, "any");
  // One search for both sides.
  await opened(page, "v=1&a=E&b=E&s=");
  const any = /holds for every schedule of NMI, #DB, #MC, any depth, under \d+ assumptions$/;
  const two = /holds for all schedules of up to 2 exceptions: [\d,]+ schedules|depth 2 not finished: [\d,]+ schedules, then the budget was spent$/;
  await expect(verdict(page, 0)).toContainText(found === "holds" ? any : two, { timeout: 240_000 });
  // The stripe goes as deep: into handlers that the uninterrupted run never enters.
  await page.getByLabel("Go to a label").selectOption({ label: "exc_machine_check" });
  const inHandler = page.locator('.code .row.instruction[title*="exc_machine_check"]').first();
  await expect(inHandler.locator(".heat.holds")).toBeAttached();
  await expect(inHandler).toHaveAttribute("title", /\nEvery schedule that strikes here holds, at any depth/);
  // Nothing is known of what was not searched: form never on the other side breaks at once.
  await page.getByLabel("Form of the left run").selectOption({ label: "never · for teaching" });
  await expect(verdict(page, 0)).toHaveClass(/breaks/);
  await page.getByRole("button", { name: "never", exact: true }).click();
  await expect(inHandler.locator(".heat.holds")).toHaveCount(0);
});

test("the menu of an instruction opens the counterexample that strikes there", async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=&side=a");
  await expect(verdict(page, 0)).toHaveClass(/breaks/);
  const { violations } = explored("never");
  const [{ schedule, step, promise }] = violations;
  const [label] = schedule.split(/[+#:]/);
  await page.getByRole("button", { name: "never", exact: true }).click();
  await page.getByLabel("Go to a label").selectOption({ label });
  await page.getByRole("button", { name: `Inject at ${schedule.split(/[#:]/)[0]}`, exact: true }).click();
  const menu = page.locator(".inject-menu");
  await expect(menu.locator(".known")).toHaveText(/^\d+ of \d+ schedules that strike here break a promise/);
  await menu.getByRole("button", { name: new RegExp(`the counterexample to ${promise}$`) }).click();
  await expect(page.getByLabel("Schedule as text")).toHaveValue(schedule);
  await expectStep(page, step);
  await expect(page.locator(".runs .sentence, .sentence").first()).toContainText(`breaks ${promise}`);
});

test("a switch that changes a verdict says so", async ({ page }) => {
  await opened(page, "v=1&a=E&b=E&s=&f=pti,pcid,fsgsbase,nx&h=pending-flush");
  await expect(verdict(page, 0)).toHaveClass(/holds/);
  await page.getByRole("button", { name: "under 11 assumptions" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.locator(".judged.holds")).toHaveCount(2);
  await expect(dialog.locator(".flips", { hasText: /./ })).toHaveCount(0);
  await page.getByLabel(/^No user flush is requested/).uncheck();
  await expect(dialog.locator(".judged.breaks")).toHaveCount(2);
  const flips = dialog.locator("label", { hasText: "no-request-after-look" }).locator(".flips");
  await expect(flips).toHaveText(/^E holds only because of it: without it, (NMI|#DB|#MC) at .*; user mode runs under a PCID before its requested flush/);
  await expect(dialog.locator("label", { hasText: "vc-once" }).locator(".id")).toContainText("excludes nothing: no #VC strikes");
});

test("the editor judges in sight, and opens what breaks", async ({ page }) => {
  await opened(page, "v=1&a=A&b=E&s=");
  await openEditor(page);
  await page.getByRole("button", { name: "Run it right" }).click();
  await macro(page).fill(".macro PARANOID_RESTORE_CR3 scratch_reg:req save_reg:req\n.endm\n");
  const breaks = page.getByRole("dialog").locator(".judged.breaks");
  await expect(breaks).toHaveCount(1);
  await breaks.getByRole("button", { name: /breaks/ }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".strike")).toHaveCount(1);
});

for (const { width, height } of [{ width: 390, height: 844 }, { width: 1000, height: 800 }, { width: 1440, height: 900 }]) {
  test(`the strip says all of both sides at ${width} × ${height}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await opened(page, "v=1&a=never&b=E&s=");
    await expect(verdict(page, 0)).toHaveClass(/breaks/);
    await expect(verdict(page, 1)).toHaveClass(/holds/);
    const cut = await page.locator(".verdicts .judged .words").evaluateAll((all) =>
      all.filter((it) => it.scrollWidth > it.clientWidth + 1 || it.scrollHeight > it.clientHeight + 1 || it.getBoundingClientRect().right > innerWidth).map((it) => it.textContent),
    );
    expect(cut).toEqual([]);
    await expect(page.locator(".verdicts .judged .words")).toHaveCount(2);
    for (const words of await page.locator(".verdicts .judged .words").all()) await expect(words).toBeVisible();
  });
}

test("nothing deeper is searched while the page is out of sight", async ({ page }) => {
  await page.addInitScript(() => {
    let hidden = true;
    Object.defineProperty(document, "hidden", { get: () => hidden });
    Object.assign(window, { show: () => ((hidden = false), document.dispatchEvent(new Event("visibilitychange"))) });
  });
  await opened(page);
  const waits = "deeper: any depth waits until the page rests";
  await expect(verdict(page, 0)).toContainText(waits);
  await expect(verdict(page, 1)).toContainText(waits);
  // Longer than the page waits in sight.
  await page.waitForTimeout(2_500);
  await expect(verdict(page, 0)).toContainText(waits);
  await page.evaluate(() => (window as unknown as { show: () => void }).show());
  await expect(verdict(page, 0)).not.toContainText(waits);
});

test("judging is switched off for good, and on again", async ({ page }) => {
  const modules = modulesOf(page);
  const toggle = async () => {
    await page.getByRole("button", { name: /^under \d+ assumptions$/ }).click();
    await page.getByRole("button", { name: "judge by itself" }).click();
    await page.keyboard.press("Escape");
  };
  await opened(page);
  await expect(verdict(page, 0)).toHaveClass(/holds/);
  await toggle();
  await expect(verdict(page, 0)).toContainText("not judged: judging is switched off");
  modules.length = 0;
  await page.reload();
  await expect(verdict(page, 0)).toContainText("not judged: judging is switched off");
  await toggle();
  await expect(verdict(page, 0)).toHaveClass(/holds/);
  // Both parts of the page's module again, and that of the workers only after the switch.
  expect(modules).toHaveLength(3);
});

test("the strip answers while claims are judged", async ({ page }) => {
  test.setTimeout(120_000);
  await opened(page, "v=1&a=A&b=E");
  await page.getByRole("button", { name: "Claims", exact: true }).click();
  await expect(page.locator(".claims .card.running")).toHaveCount(1);
  await page.keyboard.press("Escape");
  await page.getByLabel("Form of the left run").selectOption({ label: "never · for teaching" });
  await expect(verdict(page, 0)).toHaveClass(/breaks/);
  await page.getByRole("button", { name: "Claims", exact: true }).click();
  // It was judged beside the claims, not after them.
  await expect(page.locator(".claims .card.running")).toHaveCount(1);
});

test("a newer edit ends an older search", async ({ page }) => {
  test.setTimeout(180_000);
  await opened(page, "v=1&judge=standard");
  for (const label of ["C · resent 2023", "B2 · posted 2020", "never · for teaching"]) {
    await page.getByLabel("Form of the right run").selectOption({ label });
  }
  await expect(verdict(page, 1)).toHaveClass(/breaks/, { timeout: 120_000 });
  await expect(verdict(page, 1).locator("b")).toHaveText("never");
});
