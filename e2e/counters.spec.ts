import { spawnSync } from "node:child_process";
import { test, expect, opened } from "./page";
import type { Page } from "@playwright/test";

test.use({ judging: "off" });

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

const scenarios = [
  { forms: "A,E", features: "pti,pcid", handler: "quiet", inject: "kernel_loop+1:nmi" },
  { forms: "A,E", features: "pti,fsgsbase,nx", handler: "perf", inject: "kernel_loop+1:nmi" },
  { forms: "B2,C", features: "pti,pcid,nx", handler: "pending-flush", inject: "entry_SYSRETQ_unsafe_stack:nmi" },
  { forms: "never,E", features: "pti,pcid,invpcid,fsgsbase,nx", handler: "quiet", inject: "entry_SYSRETQ_unsafe_stack:nmi" },
];

/** What the page counts: name, left, right. */
const shown = (page: Page) =>
  page.locator("[data-counter]").evaluateAll((all) =>
    all.map((one) => [one.getAttribute("data-counter")!, ...[".left", ".right"].map((side) => one.querySelector(side)!.textContent)]),
  );

test("counts as cr3play does", async ({ page }) => {
  for (const { forms, features, handler, inject } of scenarios) {
    await test.step(`${forms} ${features} ${handler} ${inject}`, async () => {
      const { status, stdout } = spawnSync(cr3play, [
        "compare", "--forms", forms, "--features", features, "--handler", handler, "--inject", inject, "--json",
      ]);
      // With form never user mode runs on the kernel's tables: a finding.
      expect(status).toBe(forms.startsWith("never") ? 1 : 0);
      const runs: { form: string; counters: Record<string, number> }[] = JSON.parse(stdout.toString()).runs;
      const [a, b] = forms.split(",");
      expect(runs.map((run) => run.form)).toEqual([a, b]);
      await opened(page, `v=1&a=${a}&b=${b}&f=${features}&h=${handler}&s=${encodeURIComponent(inject)}&counters=all`);
      // While a worker assembles the texts, the counters are those of the runs before.
      await expect
        .poll(async () => {
          const now = await shown(page);
          const counted = now.map(([name]) => [name, String(runs[0].counters[name!]), String(runs[1].counters[name!])]);
          return now.length >= 8 && JSON.stringify(now) === JSON.stringify(counted);
        })
        .toBe(true);
    });
  }
});
