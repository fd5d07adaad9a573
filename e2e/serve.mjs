// A static host in its plainest form: `node serve.mjs FOLDER PORT PREFIX`. It serves FOLDER under PREFIX and nothing else,
// rewrites nothing, and knows the type of each file, so that what works here works on any host.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";

const [folder, port, prefix] = process.argv.slice(2);
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
  ".woff2": "font/woff2",
};

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

createServer((request, response) => {
  const file = fileOf(pathOf(request));
  if (file === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("not found\n");
    return;
  }
  response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
}).listen(Number(port), "127.0.0.1");
