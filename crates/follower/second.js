// Starts the second CPU's module in a worker. Its version is asked for anew each time, so that no cache gives an older one.
async function started() {
  const version = (await (await fetch("version.txt", { cache: "no-cache" })).text()).trim();
  const { default: start } = await import(`./cr3-follower.js?v=${version}`);
  await start({ module_or_path: `cr3-follower_bg.wasm?v=${version}` });
}

// The page hears of an error, and not of a promise that is broken.
started().catch(reportError);
