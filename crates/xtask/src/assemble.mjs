// `assemble.mjs FOLDER FILE`: has the workers' module in FOLDER assemble the texts that every page opens with, and writes them to FILE.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(-2);
const worker = await import(pathToFileURL(`${folder}/cr3-worker.js`));
await worker.default({ module_or_path: readFileSync(`${folder}/cr3-worker_bg.wasm`) });
writeFileSync(file, worker.ready());
