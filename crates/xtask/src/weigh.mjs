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
const sum = (column) => rows.reduce((total, row) => total + row[column], 0);
const print = ([name, ...sizes]) => console.log("  " + sizes.map((size) => String(size).padStart(11)).join("") + "  " + name);
print(["", "plain", "gzip", "brotli"]);
rows.forEach(print);
print(["in all", sum(1), sum(2), sum(3)]);
