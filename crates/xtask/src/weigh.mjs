import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const root = process.argv[1];
const files = readdirSync(root, { recursive: true }).map((name) => join(root, name)).filter((path) => statSync(path).isFile());
const rows = files.map((path) => {
  const bytes = readFileSync(path);
  return [relative(root, path), bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
});
rows.sort((a, b) => b[1] - a[1]);
/** Unicorn's folder is asked for when a person wants the check. */
const page = rows.filter(([name]) => !name.startsWith("unicorn/"));
const sum = (rows) => [1, 2, 3].map((column) => rows.reduce((total, row) => total + row[column], 0));
const print = ([name, ...sizes]) => console.log("  " + sizes.map((size) => String(size).padStart(11)).join("") + "  " + name);
print(["", "plain", "gzip", "brotli"]);
rows.forEach(print);
print(["the page without Unicorn", ...sum(page)]);
print(["in all", ...sum(rows)]);
