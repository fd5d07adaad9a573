#!/usr/bin/env node
// Firefox as Playwright's BiDi channel starts it, with the commands answered here that an older Firefox lacks.
//
// Playwright 1.65 expects the newest Firefox: of each browser it asks for `network.addDataCollector` when it starts, and for the
// others below when it opens a page. Debian 12 has an ESR of 140, which does not know them, and Playwright gives up. No test asks
// for what they do: they keep bodies of responses and emulate screens and media. So this program stands between both, answers
// these commands itself and passes on all the others. With a Firefox that knows them this file can go.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Commands that Firefox 140 does not know, with what Playwright waits for. */
const ANSWERS = {
  "network.addDataCollector": { collector: "none" },
  "browser.setDownloadBehavior": {},
  "emulation.setLocaleOverride": {},
  "emulation.setMediaFeaturesOverride": {},
  "emulation.setScreenSettingsOverride": {},
  "emulation.setScreenOrientationOverride": {},
};

const require = createRequire(import.meta.url);
const bundle = join(dirname(require.resolve("playwright-core/package.json")), "lib/utilsBundle.js");
const { ws: WebSocket, wsServer: WebSocketServer } = require(bundle);

const browser = spawn(process.env.FIREFOX ?? "/usr/bin/firefox-esr", process.argv.slice(2), { stdio: ["ignore", "inherit", "pipe"] });
browser.on("exit", (status) => process.exit(status ?? 1));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => browser.kill(signal));

let waits = true;
let heard = "";
browser.stderr.on("data", (piece) => {
  heard += piece;
  const listening = waits && heard.match(/WebDriver BiDi listening on (ws:\/\/\S+)/);
  if (listening) {
    waits = false;
    stand(listening[1]);
  }
});

/** Listens where Playwright connects to, and tells it where that is. */
function stand(address) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("listening", () => process.stderr.write(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}\n`));
  server.on("connection", (client, request) => connect(client, new WebSocket(address + request.url)));
}

/** Passes messages on in both directions, each as the text that it is. */
function connect(client, firefox) {
  const early = [];
  const send = (text) => (firefox.readyState === WebSocket.OPEN ? firefox.send(text) : early.push(text));
  firefox.on("open", () => early.splice(0).forEach((text) => firefox.send(text)));
  firefox.on("message", (data) => client.send(data.toString()));
  client.on("message", (data) => {
    const text = data.toString();
    const own = answered(JSON.parse(text));
    own ? client.send(JSON.stringify(own)) : send(text);
  });
  client.on("close", () => firefox.close());
  firefox.on("close", () => client.close());
  firefox.on("error", () => client.close());
}

function answered({ id, method }) {
  const result = ANSWERS[method];
  return result && { type: "success", id, result };
}
