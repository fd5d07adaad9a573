// Starts the page's own module a second time, in a worker: [address of its JavaScript, the compiled module].
addEventListener(
  "message",
  async ({ data: [script, module] }) => {
    const { default: start } = await import(script);
    await start({ module_or_path: module });
  },
  { once: true },
);
