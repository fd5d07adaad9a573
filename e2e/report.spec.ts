import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { test, expect, expectStep, address, opened, step, macro, textOf, expectText, openEditor } from "./page";

test.use({ judging: "off", permissions: ["clipboard-read", "clipboard-write"] });

/** The release `cr3play`, which the page's commands name. */
const CR3PLAY = process.env.CR3PLAY ?? fileURLToPath(new URL("../target/release/cr3play", import.meta.url));

const pasted = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

/** What a shell prints for a line, whether or not the command found something. */
function shell(line: string) {
  const named = `cr3play() { "$CR3PLAY" "$@"; }\n${line}`;
  try {
    return execFileSync("bash", ["-c", named], { encoding: "utf8", env: { ...process.env, CR3PLAY }, maxBuffer: 1 << 28 });
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    expect(status, stderr).toBe(1);
    return stdout;
  }
}

/** The counters that the page shows, by name: left, right. */
async function shown(page: Page) {
  const all = await page.locator("[data-counter]").evaluateAll((counters) =>
    counters.map((counter) => [
      counter.getAttribute("data-counter"),
      [...counter.querySelectorAll(".value")].map((value) => Number(value.textContent!.replace(/\D/g, ""))),
    ]),
  );
  return Object.fromEntries(all) as Record<string, number[]>;
}

test("the command of each story prints the numbers that the page shows", async ({ page }) => {
  test.setTimeout(240_000);
  await opened(page);
  const story = page.getByLabel("Story");
  for (const name of await story.locator("option").allTextContents()) {
    await story.selectOption(name);
    await page.getByRole("button", { name: "Reproduce" }).click();
    await expect(page.getByRole("alert")).toHaveText(/Command copied/);
    const command = await pasted(page);
    expect(command).toMatch(/^cr3play compare .*--budget 100000$/);
    const { runs } = JSON.parse(shell(`${command} --json`));
    const counters = await shown(page);
    expect(Object.keys(counters).length).toBeGreaterThanOrEqual(8);
    for (const [counter, values] of Object.entries(counters)) {
      expect(values, `${counter} of ${name}`).toEqual(runs.map((run: { counters: Record<string, number> }) => run.counters[counter]));
    }
    const steps = await page.locator(".transport .position").innerText();
    for (const run of runs) expect(steps, name).toContain(String(run.steps));
    await page.getByRole("button", { name: "Dismiss" }).click();
  }
});

test("a text of one's own stands in the command, and the terminal runs it", async ({ page }) => {
  await opened(page);
  await openEditor(page);
  await page.getByRole("button", { name: "Run it right" }).click();
  const area = macro(page);
  await area.fill((await textOf(page)).replace("jnc", "nop\n\tjnc"));
  await expect(page.getByRole("dialog")).toContainText("It assembles, and runs.");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Reproduce" }).click();
  await expect(page.getByRole("alert")).toHaveText(/Command copied/);
  const { runs } = JSON.parse(shell((await pasted(page)).replace(" --macro -", " --json --macro -")));
  expect(Object.values((await shown(page)).instructions!)).toEqual(runs.map((run: { counters: Record<string, number> }) => run.counters.instructions));
  // The last text that assembled is on display, and the command is of what is on display.
  const before = await pasted(page);
  await openEditor(page);
  await area.fill((await textOf(page)).replace("jnc", "nosuch"));
  await expect(page.getByRole("dialog")).toContainText("The last text that assembled stays on display.");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Reproduce" }).click();
  await expect(page.getByRole("alert")).toHaveText(/Command copied/);
  expect(await pasted(page)).toBe(before);
});

test("title and notes travel in the link, and stand in page and report", async ({ page, context }) => {
  await opened(page);
  await page.getByRole("button", { name: "Report", exact: true }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByLabel("Title").fill("The write that E leaves out");
  await sheet.getByLabel(/^Note at/).fill("Here CR3 has that value already.");
  await sheet.getByRole("button", { name: "Copy the report" }).click();
  await expect(page.getByRole("alert")).toHaveText(/Report copied/);
  const report = await pasted(page);
  expect(report).toContain("The write that E leaves out");
  expect(report.replace(/\s+/g, " ")).toContain("Here CR3 has that value already.");
  await page.keyboard.press("Escape");
  const url = await address(page);
  expect(url).toContain("#v=2&");
  const other = await context.newPage();
  await other.goto(url);
  const question = other.locator(".question");
  await expect(question).toContainText("The write that E leaves out");
  const at = await step(other);
  await other.locator(".runs .rows").focus();
  await other.keyboard.press("Home");
  expect(await step(other)).not.toBe(at);
  await question.getByRole("listitem").filter({ hasText: "Here CR3 has that value already." }).getByRole("button").click();
  await expectStep(other, at);
});

/** What a button of the sheet saves. */
async function saved(page: Page, button: string) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("dialog").getByRole("button", { name: button }).click()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
}

/** Drops a file on the page. */
async function drop(page: Page, name: string, text: string) {
  const files = await page.evaluateHandle(([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text!], name!, { type: "text/plain" }));
    return files;
  }, [name, text]);
  await page.dispatchEvent("body", "dragover", { dataTransfer: files });
  await page.dispatchEvent("body", "drop", { dataTransfer: files });
}

test("a link that is too long for a mail is a file, which opens again", async ({ page, context }) => {
  const long = `v=1&a=A&b=E&s=${Array(600).fill("kernel_loop%2B1:nmi").join(",")}`;
  await opened(page, long);
  await page.keyboard.press("y");
  await expect(page.getByRole("dialog")).toContainText("save it as a file");
  const file = await saved(page, "Save the link");
  expect(file.name).toBe("cr3-link.txt");
  const other = await context.newPage();
  await opened(other);
  await drop(other, file.name, file.text);
  await expect(other.locator(".strike")).toHaveCount(600);
  // Any other text is a macro or a patch.
  await drop(other, "notes.txt", "nothing of the kind");
  await expectText(other, "nothing of the kind");
  await other.keyboard.press("Escape");
  await expect(other.locator(".strike")).toHaveCount(600);
});

test("files are those of the terminal", async ({ page }) => {
  await opened(page, "v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi");
  await page.getByRole("button", { name: "Report", exact: true }).click();
  const url = await address(page);
  const base = url.split("#")[0];
  for (const [button, format] of [["Counters (JSON)", "json"], ["Counters (CSV)", "csv"], ["Timeline (SVG)", "svg"], ["Comparison (HTML)", "html"]]) {
    const file = await saved(page, button!);
    expect(file.name).toBe(`cr3-comparison.${format}`);
    expect(file.text, format).toBe(shell(`cr3play report '${url}' --base-address '${base}' --verdict no --format ${format}`));
  }
});

test("a kernel tree runs in the files and in the command as in the page", async ({ page }) => {
  const tree = fileURLToPath(new URL("../testdata/tree", import.meta.url));
  await opened(page, "v=1&a=A&b=E&s=kernel_loop%2B1:nmi");
  await page.getByRole("button", { name: "Own macro" }).click();
  await page.getByRole("dialog").getByLabel(/kernel tree/).setInputFiles(tree);
  await expect(page.locator(".trees")).toContainText(/files read/);
  await page.keyboard.press("Escape");
  await expect(page.locator('.outcomes .whole .outcome[data-side="1"] .ending')).toHaveText(/exit/);
  await page.getByRole("button", { name: "Reproduce" }).click();
  await expect(page.getByRole("alert")).toHaveText(/Command copied/);
  const command = await pasted(page);
  expect(command).toMatch(/^cr3play compare --forms A,tree .*--tree DIR --budget 100000$/);
  const { runs } = JSON.parse(shell(`${command.replace("DIR", `'${tree}'`)} --json`));
  for (const [counter, values] of Object.entries(await shown(page))) {
    expect(values, counter).toEqual(runs.map((run: { counters: Record<string, number> }) => run.counters[counter]));
  }
  await page.getByRole("button", { name: "Report", exact: true }).click();
  const url = await address(page);
  const base = url.split("#")[0];
  for (const [button, format] of [["Counters (JSON)", "json"], ["Counters (CSV)", "csv"], ["Timeline (SVG)", "svg"], ["Comparison (HTML)", "html"]]) {
    const file = await saved(page, button!);
    expect(file.text, format).toContain("v6.12");
    expect(file.text, format).toBe(shell(`cr3play report '${url}' --tree '${tree}' --base-address '${base}' --verdict no --format ${format}`));
  }
});

test("the exported comparison opens from a disk and asks for nothing", async ({ page }, info) => {
  const file = info.outputPath("comparison.html");
  shell(`cr3play report '#v=1&a=never&b=E&s=entry_SYSRETQ_unsafe_stack:nmi' --verdict no --format html > '${file}'`);
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`file://${file}`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("CR3 playground: never and E");
  await expect(page.locator("svg text").first()).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "CR3 writes" }).first()).toBeVisible();
  expect(asked).toEqual([`file://${file}`]);
});

test("a link of a newer version opens what it can and is not overwritten", async ({ page }) => {
  const newer = "v=9&a=C&b=E&s=kernel_loop%2B1:nmi&hologram=on";
  await opened(page, newer);
  await expect(page.getByRole("alert")).toContainText("the link has version 9");
  await expect(page.getByRole("alert")).toContainText("hologram");
  await page.locator(".runs .rows").focus();
  await page.keyboard.press("j");
  expect(await address(page)).toContain(`#${newer}`);
  await page.getByRole("group", { name: "Features" }).getByRole("button", { name: "PCID", exact: true }).click();
  expect(await address(page)).toContain("#v=1&a=C&b=E&f=pti,invpcid");
  await page.goBack();
  expect(await address(page)).toContain(`#${newer}`);
});
