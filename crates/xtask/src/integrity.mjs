// Prints the hash of a file as an attribute `integrity` names it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

console.log(`sha384-${createHash("sha384").update(readFileSync(process.argv[1])).digest("base64")}`);
