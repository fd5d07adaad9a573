// Prints `plain gzip brotli path` for each file of a folder, the heaviest first.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const root = process.argv[1];
const files = readdirSync(root, { recursive: true }).filter((path) => statSync(join(root, path)).isFile());
const rows = files.map((path) => {
  const bytes = readFileSync(join(root, path));
  return [bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length, path];
});
rows.sort((a, b) => b[0] - a[0]);
rows.forEach((row) => console.log(row.join(" ")));
