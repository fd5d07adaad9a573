// `assemble.mjs FOLDER FILE`: has the workers' module in FOLDER assemble the texts that every page opens with, and writes them to FILE,
// compressed: hosts compress no file whose kind they do not know.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const [folder, file] = process.argv.slice(-2);
const worker = await import(pathToFileURL(`${folder}/cr3-worker.js`));
await worker.default({ module_or_path: readFileSync(`${folder}/cr3-worker_bg.wasm`) });
writeFileSync(file, gzipSync(worker.ready(), { level: 9 }));
