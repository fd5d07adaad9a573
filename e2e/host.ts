import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const DIST = new URL("../dist/", import.meta.url).pathname;

/** A host of one test, which can go away and change its files. */
export interface Host {
  /** Where the page is. */
  address: string;
  /** A copy of the page's files. */
  folder: string;
  /** Ends the server: nobody answers any more. */
  stop(): Promise<void>;
  /** Starts it again, at the same address. */
  start(): Promise<void>;
  /** Ends the server and removes the copy. */
  close(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Serves a copy of the page below a path. */
export async function host(path = "/elsewhere/"): Promise<Host> {
  const folder = mkdtempSync(join(tmpdir(), "cr3-page-"));
  cpSync(DIST, folder, { recursive: true });
  const port = await freePort();
  const address = `http://127.0.0.1:${port}${path}`;
  let server: ChildProcess | undefined;
  const start = async () => {
    server = spawn(process.execPath, [new URL("serve.mjs", import.meta.url).pathname, folder, `${port}`, path], { stdio: "ignore" });
    for (let attempt = 0; !(await fetch(address).catch(() => undefined)); attempt++) {
      if (attempt === 100) throw new Error(`no server answers at ${address}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const stop = async () => {
    if (!server) return;
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server.kill();
    await ended;
    server = undefined;
  };
  await start();
  const close = async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { address, folder, start, stop, close };
}
