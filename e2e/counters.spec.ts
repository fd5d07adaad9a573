import { spawnSync } from "node:child_process";
import { test, expect, opened } from "./page";

test.use({ judging: "off" });

const cr3play = process.env.CR3PLAY ?? "../target/release/cr3play";

const scenarios = [
  { forms: "A,E", features: "pti,pcid", handler: "quiet", inject: "kernel_loop+1:nmi" },
  { forms: "A,E", features: "pti,fsgsbase,nx", handler: "perf", inject: "kernel_loop+1:nmi" },
  { forms: "B2,C", features: "pti,pcid,nx", handler: "pending-flush", inject: "entry_SYSRETQ_unsafe_stack:nmi" },
  { forms: "never,E", features: "pti,pcid,invpcid,fsgsbase,nx", handler: "quiet", inject: "entry_SYSRETQ_unsafe_stack:nmi" },
];

for (const scenario of scenarios) {
  const { forms, features, handler, inject } = scenario;
  test(`counts as cr3play does: ${forms} ${features} ${handler} ${inject}`, async ({ page }) => {
    const { status, stdout } = spawnSync(cr3play, [
      "compare", "--forms", forms, "--features", features, "--handler", handler, "--inject", inject, "--json",
    ]);
    // With form never user mode runs on the kernel's tables: a finding.
    expect(status).toBe(forms.startsWith("never") ? 1 : 0);
    const runs: { form: string; counters: Record<string, number> }[] = JSON.parse(stdout.toString()).runs;
    const [a, b] = forms.split(",");
    await opened(page, `v=1&a=${a}&b=${b}&f=${features}&h=${handler}&s=${encodeURIComponent(inject)}`);
    await page.locator(".counters > details summary").click();
    const shown = await page.locator("[data-counter]").evaluateAll((all) =>
      all.map((one) => [one.getAttribute("data-counter")!, ...[".left", ".right"].map((side) => one.querySelector(side)!.textContent)]),
    );
    expect(shown.length).toBeGreaterThanOrEqual(8);
    for (const [name, left, right] of shown) {
      expect([name, left, right]).toEqual([name, String(runs[0].counters[name!]), String(runs[1].counters[name!])]);
    }
    expect(runs.map((run) => run.form)).toEqual([a, b]);
  });
}
