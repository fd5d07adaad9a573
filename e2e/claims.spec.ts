import { spawnSync } from "node:child_process";
import { test, expect, expectStep, expectAccessible, address, opened } from "./page";
import type { Page } from "@playwright/test";

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

interface Claim {
  id: number;
  says: string;
  verdict: string;
  reason: string | null;
  numbers: { what: string; value: number }[];
  shows: { steps: [number | null, number | null] }[];
}

/** A line that is left out, and what kills it then. */
interface Mutant {
  old: string;
  killed_by: { promise: string; message: string; schedule: string; step: number } | null;
}

/** What the terminal says of the thread. */
function claims(): Claim[] {
  const { stdout } = spawnSync(cr3play, ["claims", "--json"], { maxBuffer: 1 << 24 });
  return JSON.parse(stdout.toString()).claims;
}

const status = (page: Page) => page.getByRole("dialog").getByRole("status");

async function openClaims(page: Page) {
  await page.getByRole("button", { name: "Claims", exact: true }).click();
  await expect(status(page)).toBeVisible();
}

test("cards stand in the list while they wait", async ({ page }) => {
  await opened(page);
  await openClaims(page);
  await expect(page.locator(".claims .card.waiting").first()).toBeAttached();
  const positions = await page.locator(".claims .card").evaluateAll((cards) => cards.map((card) => getComputedStyle(card).position));
  expect([...new Set(positions)]).toEqual(["static"]);
});

test("every claim gets the verdict of the terminal, and shows what it speaks of", async ({ page }) => {
  test.setTimeout(300_000);
  const expected = claims();
  await opened(page);
  await openClaims(page);
  await expect(status(page)).toContainText(`${expected.length} claims: `, { timeout: 240_000 });
  const cards = page.locator(".claims .card");
  await expect(cards).toHaveCount(expected.length);
  for (const [at, { id, says, verdict, reason, numbers }] of expected.entries()) {
    const card = cards.nth(at);
    await expect(card).toHaveAttribute("data-claim", String(id));
    await expect(card).toHaveClass(new RegExp(`\\b${verdict}\\b`));
    await expect(card.locator(".says")).toHaveText(`${id}. ${says}`);
    if (reason) await expect(card).toContainText(reason);
    const rows = numbers.map(({ what, value }) => `${value}${what}`);
    await expect(card.locator(".numbers tr")).toHaveText(rows);
  }
  await expectAccessible(page);
  const shown = expected.find(({ id }) => id === 6)!.shows[0];
  await page.locator('[data-claim="6"]').getByRole("button", { name: "Show me A and E, kernel_loop+1:nmi, handler schedule: claim 6" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByLabel("Schedule as text")).toHaveValue("kernel_loop+1:nmi");
  const side = shown.steps[1] === null ? 0 : 1;
  await expectStep(page, shown.steps[side], side);
  expect(await address(page)).toContain("&h=schedule");
  await page.goBack();
  await expect(page.locator(".strike")).toHaveCount(1);
  expect(await address(page)).not.toContain("&h=schedule");
  await openClaims(page);
  await expect(status(page)).toContainText(`${expected.length} claims: `, { timeout: 1_000 });
});

test("a line says what fails without it, and opens the run in which it does", async ({ page }) => {
  test.setTimeout(300_000);
  await opened(page, "v=1&a=A&b=E&side=b");
  await page.getByRole("button", { name: "Lines: what does each line do?" }).click();
  await expect(status(page)).toContainText("something fails without", { timeout: 240_000 });
  const { stdout } = spawnSync(cr3play, ["mutants", "--form", "E", "--lines", "--json"], { maxBuffer: 1 << 24 });
  const expected: Mutant[] = JSON.parse(stdout.toString()).mutants;
  const cards = page.locator(".lines .card");
  await expect(cards).toHaveCount(expected.length);
  for (const [at, { old, killed_by }] of expected.entries()) {
    await expect(cards.nth(at).locator(".statement code")).toHaveText(old);
    if (killed_by) await expect(cards.nth(at).locator(".verdict")).toContainText(`breaks ${killed_by.promise}: `);
    if (killed_by) await expect(cards.nth(at).locator(".verdict")).toContainText(killed_by.message);
    await expect(cards.nth(at).getByRole("button")).toHaveCount(killed_by ? 1 : 0);
  }
  await expectAccessible(page);
  const first = expected.findIndex(({ killed_by }) => killed_by);
  await cards.nth(first).getByRole("button").click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.getByLabel("Schedule as text")).toHaveValue(expected[first].killed_by!.schedule);
  await expectStep(page, expected[first].killed_by!.step);
  expect(await address(page)).toContain("a=custom&b=E");
  await page.goBack();
  await expect(page.getByLabel("Schedule as text")).toHaveValue("kernel_loop+1:nmi");
  expect(await address(page)).toContain("a=A&b=E");
});

test("a browser that starts no worker says so", async ({ page }) => {
  await page.addInitScript(() => {
    window.Worker = class {
      constructor() {
        throw new Error("no workers here");
      }
    } as unknown as typeof Worker;
  });
  await opened(page);
  await openClaims(page);
  await expect(status(page)).toHaveText("Not finished: this browser cannot start a worker for it (no workers here).");
});
