// Prints the hash of the one style sheet in a document, as a Content-Security-Policy names it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const sheets = [...readFileSync(process.argv[1], "utf8").matchAll(/<style>([^]*?)<\/style>/g)];
if (sheets.length !== 1) process.exit(1);
console.log(`'sha256-${createHash("sha256").update(sheets[0][1]).digest("base64")}'`);
