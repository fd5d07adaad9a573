// A static host in its plainest form: `node serve.mjs FOLDER PORT PREFIX [compress|unguarded]`. It serves FOLDER under PREFIX and nothing else,
// rewrites nothing, and knows the type of each file, so that what works here works on any host. It sends the headers that `_headers`
// asks for. With `compress` it compresses and lets browsers keep files for a while, as hosts do. With `unguarded` the page has no
// Content-Security-Policy, for a browser in which Playwright itself needs what the policy forbids.
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [folder, port, prefix, mode] = process.argv.slice(2);
const root = resolve(folder);

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  // Browsers compile while they download only under this type.
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** What compression makes smaller. */
const COMPRESSED = [".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"];

const ENCODERS = {
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes) => gzipSync(bytes, { level: 9 }),
};

/** The headers for every file: those below `/*` in `_headers`. */
function headersOfAll() {
  const file = join(root, "_headers");
  if (!statSync(file, { throwIfNoEntry: false })) return {};
  const [path, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  if (path !== "/*") throw new Error(`${file} is not about every file`);
  return Object.fromEntries(lines.map((line) => line.trim().split(/: (.*)/).slice(0, 2)));
}

const common = headersOfAll();
if (mode === "unguarded") delete common["Content-Security-Policy"];

/** A document without the policy that stands in it. */
function withoutPolicy(document) {
  const bare = document.replace(/<meta http-equiv="?Content-Security-Policy"? content="[^"]*"[^>]*>/, "");
  if (bare === document) throw new Error("the document has no policy to take away");
  return bare;
}

/** The file that `path` of a request names, or undefined. */
function fileOf(path) {
  if (!path.startsWith(prefix)) return undefined;
  const name = path.slice(prefix.length) || "index.html";
  const file = normalize(join(root, name));
  const inside = file.startsWith(root + "/");
  return inside && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

function pathOf(request) {
  try {
    return decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  } catch {
    return "";
  }
}

const compressed = new Map();

/** A file as this browser takes it, and under which encoding. */
function bodyOf(file, request) {
  const accepted = request.headers["accept-encoding"] ?? "";
  if (mode === "unguarded" && extname(file) === ".html") return [Buffer.from(withoutPolicy(readFileSync(file, "utf8")))];
  const encoding = Object.keys(ENCODERS).find((name) => accepted.includes(name));
  if (mode !== "compress" || !encoding || !COMPRESSED.includes(extname(file))) return [readFileSync(file)];
  const key = `${encoding} ${file}`;
  if (!compressed.has(key)) compressed.set(key, ENCODERS[encoding](readFileSync(file)));
  return [compressed.get(key), encoding];
}

createServer((request, response) => {
  const file = fileOf(pathOf(request));
  if (file === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
    return;
  }
  const [body, encoding] = bodyOf(file, request);
  const headers = { "Content-Type": types[extname(file)] ?? "application/octet-stream", "Content-Length": body.length, ...common };
  if (encoding) Object.assign(headers, { "Content-Encoding": encoding, Vary: "Accept-Encoding" });
  if (mode === "compress") headers["Cache-Control"] = "max-age=600";
  response.writeHead(200, headers).end(body);
}).listen(Number(port), "127.0.0.1");
