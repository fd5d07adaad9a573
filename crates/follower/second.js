// Starts the second CPU's module in a worker. It asks for the version anew each time, so that no cache supplies an older one.
async function started() {
  const version = (await (await fetch("version.txt", { cache: "no-cache" })).text()).trim();
  const { default: start } = await import(`./cr3-follower.js?v=${version}`);
  await start({ module_or_path: `cr3-follower_bg.wasm?v=${version}` });
}

// The page learns of an error, but not of a rejected promise.
started().catch(reportError);
