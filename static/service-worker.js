// Keeps the page for use without a network. `cargo xtask stage` writes the version of the whole page and its files in place of the
// names in braces. All files of a page come from one version: a newer one waits until a person asks for it.
const BUILD = "{build}";

/** Everything but the editor and Unicorn. */
const FILES = ["{files}"];

/** What is kept once a person has asked for it: the files of the editor, and those of Unicorn. */
const ASKED_FOR = [["{editor}"], ["{unicorn}"]];

/** Pages in other folders of the same host have caches of their own. */
const OWN = `cr3 ${registration.scope} `;
const CACHE = OWN + BUILD;

const BY_ADDRESS = { ignoreVary: true };

addEventListener("install", (event) => event.waitUntil(keepPage()));
addEventListener("activate", (event) => event.waitUntil(takeOver()));
addEventListener("message", (event) => {
  if (event.data === "take over") skipWaiting();
  if (Array.isArray(event.data)) event.waitUntil(keepLoaded(event.data));
});
addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(registration.scope)) event.respondWith(answer(event));
});

/** The caches of other versions of this page, the oldest first. */
async function others() {
  return (await caches.keys()).filter((name) => name.startsWith(OWN) && name !== CACHE);
}

async function keepPage() {
  const cache = await caches.open(CACHE);
  const files = [FILES];
  for (const more of ASKED_FOR) if (await wasKept(more)) files.push(more);
  // A cache on the way is asked whether what it has is still right.
  await cache.addAll(files.flat().map((file) => new Request(file, { cache: "no-cache" })));
}

/** Whether a version before this one has kept them. What worked without a network works without one in the next version too. */
async function wasKept(files) {
  const version = files.find((file) => file.endsWith("/version.txt"));
  for (const name of await others()) {
    if (version && (await (await caches.open(name)).match(version, BY_ADDRESS))) return true;
  }
  return false;
}

/** Pages that are open may still be of the version before, so that one's files stay too. */
async function takeOver() {
  await Promise.all((await others()).slice(0, -1).map((name) => caches.delete(name)));
  await clients.claim();
}

/** Keeps what a page had loaded before this worker was there. */
async function keepLoaded(addresses) {
  const cache = await caches.open(CACHE);
  for (const address of addresses.filter((address) => address.startsWith(registration.scope))) {
    if (!(await kept(cache, address))) await cache.add(address).catch(() => {});
  }
}

/** The page has one address, whatever follows its question mark. */
function keyOf(request) {
  const { origin, pathname } = new URL(request.url);
  const isPage = request.mode === "navigate" && [registration.scope, `${registration.scope}index.html`].includes(origin + pathname);
  return isPage ? registration.scope : request.url;
}

async function kept(cache, address) {
  return (await cache.match(address, BY_ADDRESS)) ?? (await before(address));
}

/** From the version before, for a page of it. What is named by its content cannot be mistaken for something else. */
async function before(address) {
  const isNamedByContent = /[?&]v=[0-9a-f]{16}$|-[0-9a-f]{16}(_bg|_rest)?\.(js|wasm|svg|bin)$/.test(address);
  if (!isNamedByContent) return undefined;
  for (const name of await others()) {
    const found = await (await caches.open(name)).match(address, BY_ADDRESS);
    if (found) return found;
  }
  return undefined;
}

/** A link to a file that nobody has opened before: words instead of the browser's own page, which says nothing of this one. */
function notKept({ mode, url }, error) {
  if (mode !== "navigate") throw error;
  const words = `${url.slice(registration.scope.length)} was not downloaded before, and its server does not answer.`;
  return new Response(words, { status: 503, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}

async function answer(event) {
  const cache = await caches.open(CACHE);
  const key = keyOf(event.request);
  const found = await kept(cache, key);
  if (found) return found;
  const response = await fetch(event.request).catch((error) => notKept(event.request, error));
  // A full disk is no reason not to answer.
  if (response.ok && response.type === "basic") event.waitUntil(cache.put(key, response.clone()).catch(() => {}));
  return response;
}
