// Starts the workers' module in a worker. The page compiles it once and hands it to each worker, with the address of its JavaScript.
onmessage = async ({ data: [glue, module] }) => {
  onmessage = null;
  try {
    const { default: start } = await import(glue);
    await start({ module_or_path: module });
  } catch (error) {
    // The page learns of an error, but not of a rejected promise.
    reportError(error);
  }
};
