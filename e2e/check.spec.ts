import { spawnSync } from "node:child_process";
import { test, expect, expectAccessible, opened } from "./page";
import type { Page } from "@playwright/test";

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

const on = (page: Page) => page.getByRole("button", { name: "check with Unicorn" }).click();
const headline = (page: Page) => page.locator(".check .headline");

/** Waits until both runs were followed to their end. */
async function followed(page: Page) {
  await on(page);
  await expect(headline(page)).toHaveText(/^A: agrees on all \d+ steps; E: agrees on all \d+ steps$/);
}

test("Unicorn is loaded when it is asked for, and the workers' module once for all workers", async ({ page, context }) => {
  const asked: string[] = [];
  // Those of the workers too.
  context.on("request", (request) => {
    const file = new URL(request.url()).pathname.match(/\/((unicorn|worker)\/.*)/);
    if (file) asked.push(file[1]!);
  });
  await opened(page);
  await page.getByLabel("Story").selectOption("Nested NMI");
  await expect(page.locator('.judged[data-side="0"]')).toHaveClass(/holds/);
  expect(asked.filter((file) => file.startsWith("unicorn/"))).toEqual([]);
  await on(page);
  await expect(headline(page)).toHaveText(/agrees on all/);
  const files = asked.filter((file) => !file.endsWith(".js"));
  expect(files.sort()).toEqual(["unicorn/unicorn.wasm", "unicorn/version.txt", "worker/cr3-worker_bg.wasm", "worker/version.txt"]);
});

test("each step has a sign and each field says who vouches for it", async ({ page }) => {
  await opened(page);
  const current = page.locator(".rows .row.current .checked i");
  await expect(current).toHaveCount(0);
  await followed(page);
  await expect(current).toHaveAttribute("aria-label", /executed this step too/);
  await expect(page.locator(".voucher.both")).toHaveCount(3);
  await expect(page.locator(".tlb .voucher")).toHaveAttribute("data-here", /^Unicorn has no PCIDs/);
  await expectAccessible(page);
  await page.getByText("what it cannot judge").click();
  await expect(page.getByText("bit 63 of CR3 or INVPCID")).toBeVisible();
  await on(page);
  await expect(page.locator(".voucher.both")).toHaveCount(0);
});

test("turned off and on again before the page is drawn, the check comes back", async ({ page }) => {
  await opened(page);
  await followed(page);
  await page.evaluate(() => {
    const chip = document.querySelector<HTMLElement>(".check > .chip")!;
    chip.click();
    chip.click();
  });
  await expect(headline(page)).toHaveText(/^A: agrees on all \d+ steps; E: agrees on all \d+ steps$/);
});

test("the limits have each field with its voucher and what was compared so far", async ({ page }) => {
  await opened(page);
  const open = () => page.getByRole("button", { name: /not modelled|Limits/ }).click();
  const row = (name: string) => page.locator(".trust tr", { has: page.getByRole("rowheader", { name }) }).locator(".number");
  await open();
  await expect(page.locator(".trust tbody tr")).toHaveCount(15);
  await expect(page.getByRole("heading", { name: "Left out" })).toBeVisible();
  await expect(row("RFLAGS")).toHaveText([/^0 of \d+$/, /^0 of \d+$/]);
  await page.keyboard.press("Escape");
  await followed(page);
  await open();
  for (const field of ["RFLAGS", "deliveries"]) {
    const parts = await row(field).allInnerTexts();
    expect(parts).toHaveLength(2);
    for (const part of parts) {
      const [compared, of] = part.split(" of ");
      expect(compared).toBe(of);
      expect(Number(of)).toBeGreaterThan(0);
    }
  }
  await expect(row("PCID")).toHaveText(["in tests", "in tests"]);
  await expectAccessible(page);
});

test("the terminal without Unicorn says how to build it", () => {
  const { status, stderr } = spawnSync(cr3play, ["check", "--inject", "kernel_loop+1:nmi"]);
  expect(status).toBe(2);
  expect(stderr.toString()).toContain("built without Unicorn");
  expect(stderr.toString()).toContain("--features unicorn");
});

test("another scenario is followed anew", async ({ page }) => {
  await opened(page);
  await followed(page);
  await page.getByLabel("Form of the left run").selectOption({ index: 1 });
  await expect(headline(page)).toHaveText(/^B2: agrees on all \d+ steps; E: agrees on all \d+ steps$/);
});

test("every single injection is tried on both processors", async ({ page }) => {
  await opened(page);
  await followed(page);
  await page.getByRole("button", { name: "every single injection into E" }).click();
  const told = page.locator(".check .result p").first();
  await expect(told).toHaveText(/agree on all of them; that says nothing about the form\.$/, { timeout: 60_000 });
  const [, done, total, struck, refused] = (await told.innerText()).match(/^(\d+) of (\d+) .* (\d+) struck, (\d+) refused/)!.map(Number);
  expect(done).toBe(total);
  expect(struck! + refused!).toBe(total);
  expect(struck).toBeGreaterThan(1000);
  // A #VC in the SYSCALL gap, which Linux excludes.
  await expect(page.locator(".check .went")).toHaveText(`10 of the ${struck} runs of E go wrong:`);
  await expect(page.locator(".check .wrong li")).toHaveText([/^10 break mapped /, /^10 end in a kernel panic /]);
});

test("processors that agree say nothing about a form that is wrong", async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=kernel_loop%2B1:nmi");
  await page.getByRole("button", { name: "check with Unicorn" }).click();
  await page.getByRole("button", { name: "every single injection into never" }).click();
  await expect(page.locator(".check .result p").first()).toHaveText(/agree on all of them; that says nothing/, { timeout: 60_000 });
  await expect(page.locator(".check .went")).toHaveText(/^\d+ of the \d+ runs of never go wrong:$/);
  const kind = page.locator(".check .wrong li", { hasText: "break user-cr3" });
  await kind.getByRole("button", { name: "open the first" }).click();
  await expect(page.locator(".runs .row.current .side-a")).toContainText("breaks user-cr3");
  await expect(page.locator(".check .wrong li", { hasText: "break user-cr3" })).toBeVisible();
});

test("the self-test finds the wrong result, and shows both values and the bytes", async ({ page }) => {
  await opened(page);
  await followed(page);
  await page.getByRole("button", { name: "self-test" }).click();
  await page.getByText(/^Self-test passed: the wrong result was found at step 100\./).click();
  const found = page.locator(".check .found");
  await expect(found.getByRole("listitem")).toHaveText([/^rax: ours 0x[0-9a-f]+, theirs 0x[0-9a-f]+$/]);
  await expect(found.locator("tr.differs")).toHaveCount(1);
  await expect(found.locator("p").first()).toHaveText(/ ([0-9a-f]{2} )*[0-9a-f]{2}, step 100$/);
});

test("says which licences Unicorn is under", async ({ page, request }) => {
  await opened(page);
  await page.getByRole("button", { name: "About" }).click();
  await expectAccessible(page);
  for (const link of await page.getByRole("dialog").getByRole("link").all()) {
    const address = new URL((await link.getAttribute("href"))!, page.url()).href;
    expect((await request.get(address)).status(), address).toBe(200);
  }
});

test("a server that takes the question and never answers is given up on", async ({ page }) => {
  await page.route("**/unicorn/version.txt", () => {});
  await opened(page);
  await on(page);
  await expect(headline(page)).toHaveText(/^Unicorn 2\.1\.5 is unavailable: unicorn\/version\.txt did not arrive: the server of this page does not answer/, { timeout: 40_000 });
  await page.unroute("**/unicorn/version.txt");
  await on(page);
  await followed(page);
});
