// Loads the page's module, and speaks where the module cannot: before it runs, when it does not load, when it breaks down, and when the
// server has a newer page. A classic script, because browsers run no module from a file, and the page must say so.
(() => {
  "use strict";

  /** Where the page is, which all its files are beside. */
  const place = new URL("./", document.baseURI).href;

  /** The version of the whole page; a page for development has none. */
  const build = document.documentElement.dataset.build;

  /** An element with a class, and what it contains. */
  function element(name, className, ...content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...content);
    return made;
  }

  function button(words, onclick) {
    const made = element("button", "button", words);
    made.type = "button";
    made.addEventListener("click", onclick);
    return made;
  }

  // The colours that a person chose, before the module reads them (effects/settings.rs). Storage may be forbidden.
  try {
    const theme = JSON.parse(localStorage.getItem("cr3-theme"));
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Those of the system stay.
  }

  // A link shows something else than the opening story.
  if (location.hash.length > 1) document.querySelector(".shell")?.classList.add("linked");

  // ---- Loading

  const TOO_OLD = "Chrome 123, Firefox 120 and Safari 17.5 are new enough.";

  /** What happened, and what a person can do. */
  function told(error) {
    if (location.protocol === "file:") {
      return ["The page was opened from a file, and browsers load no program from there.", "Serve its folder, for example with python3 -m http.server, and open the address that this names."];
    }
    if (typeof WebAssembly !== "object") {
      return ["This browser runs no WebAssembly.", `A protection mode may have switched it off, or the browser is too old. ${TOO_OLD}`];
    }
    if (error instanceof WebAssembly.CompileError || error instanceof WebAssembly.LinkError || error instanceof SyntaxError) {
      return ["This browser cannot read the program.", `Something may have changed it on the way: reload the page. Or the browser is too old: ${TOO_OLD}`];
    }
    if (early) {
      return ["The program broke down while it started.", "Reload the page. If it breaks down again, remove # and everything after it from the address."];
    }
    return ["The program did not arrive.", "Check your connection and whether an extension blocks scripts from this address. Then reload the page."];
  }

  function refuse(error) {
    const [what, mend] = told(error);
    const cause = error ? [element("p", "cause", error.message)] : [];
    const alert = element("div", "refused", element("p", "what", what), element("p", "", mend), ...cause, button("Reload", () => location.reload()));
    alert.setAttribute("role", "alert");
    document.querySelector(".shell")?.classList.add("still");
    const loading = document.getElementById("loading");
    // The module takes the shell away before it draws.
    if (loading) loading.replaceWith(alert);
    else document.getElementById("page").replaceChildren(element("main", "loading", element("h1", "", document.title), alert));
  }

  /**
   * Resolves once the shell is on display, at once if the page is hidden, and after half a second at the latest. A browser that
   * compiles the module and draws the page meanwhile may show nothing before it is done (docs/PERFORMANCE.md, First sight).
   */
  const shown = () =>
    new Promise((resolve) => {
      const observer = new PerformanceObserver((list) => {
        if (!list.getEntriesByName("first-contentful-paint").length) return;
        observer.disconnect();
        resolve();
      });
      if (!document.hidden) observer.observe({ type: "paint", buffered: true });
      setTimeout(resolve, document.hidden ? 0 : 500);
    });

  let started = false;

  /** Why the module gave up while it started. A panic says so before it traps, and not to who waits for the start. */
  let early;

  async function start() {
    if (location.protocol === "file:" || typeof WebAssembly !== "object") return refuse();
    try {
      // The build names both files by their content, and begins to fetch them with the document.
      const glue = document.querySelector("link[rel=modulepreload]").href;
      const module = document.querySelector("link[rel=preload][type='application/wasm']").href;
      const [bindings] = await Promise.all([import(glue), findKept(), shown()]);
      await bindings.default({ module_or_path: module });
      // It starts in pieces, and each may break down, until it takes the shell's place.
      do await new Promise((resolve) => setTimeout(resolve, 0));
      while (!early && document.querySelector(".shell"));
      if (early) return refuse(early);
      started = true;
      window.wasmBindings = bindings;
    } catch (error) {
      console.error(error);
      refuse(early ?? error);
    }
  }

  // ---- The rest of the module

  /** Where the rest is; a page for development has its module in one piece. */
  const rest = document.documentElement.dataset.rest;

  /** The exports of the module's first part: what the first sight calls. */
  let first;

  /** Settled once both parts are one. */
  let joined;
  const whole = new Promise((resolve) => (joined = resolve));

  function join(module) {
    if (first.rest_is_here.value) return;
    new WebAssembly.Instance(module, { first });
    first.rest_is_here.value = 1;
    joined();
  }

  /** The rest, where the browser keeps the page: both parts start at once then. */
  let kept;

  async function findKept() {
    if (rest && navigator.serviceWorker?.controller) kept = await WebAssembly.compileStreaming(fetch(rest)).catch(() => undefined);
  }

  window.holdFirst = (exports) => {
    first = exports;
    if (kept) join(kept);
  };

  const missing = (error) => `A part of the program did not arrive (${error.message}).`;

  /** The rest by and by. Where it does not come, it is asked for again when the browser has a network, or when it is needed. */
  async function fetchRest() {
    try {
      join(await WebAssembly.compileStreaming(fetch(rest)));
    } catch (error) {
      addEventListener("online", fetchRest, { once: true });
      card(missing(error), "What is drawn can be stepped through. Check your connection, then open this view again.");
    }
  }

  /** The rest, while nothing else goes on. No answer can be awaited in the middle of a call. */
  function restAtOnce() {
    const request = new XMLHttpRequest();
    request.open("GET", rest, false);
    // Each byte as it is: a request that is waited for gives text only.
    request.overrideMimeType("text/plain; charset=x-user-defined");
    request.send();
    if (request.status !== 200) throw new Error(`HTTP status ${request.status}`);
    return new WebAssembly.Module(Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0) & 0xff));
  }

  let asked = false;

  window.bringRest = (now) => {
    if (!rest || first.rest_is_here.value) return;
    if (now) {
      try {
        return join(restAtOnce());
      } catch (error) {
        throw new Error(missing(error));
      }
    }
    if (!asked) fetchRest();
    asked = true;
    return whole;
  };

  /** The bytes of a file that the build has compressed. */
  window.unpacked = (packed) => new Response(packed.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();

  /** Loads a module that the page's module asks for. It cannot do so by itself. */
  window.bring = (address) => import(address);

  // ---- Messages

  const messages = document.getElementById("messages");

  /** Shows a message. What had the focus before it gets it back once the message is gone. */
  function show(message, where = messages) {
    message.addEventListener("focusin", ({ relatedTarget }) => {
      if (!message.contains(relatedTarget)) message.before = relatedTarget;
    });
    where.append(message);
  }

  function remove(message) {
    const hadFocus = message.contains(document.activeElement);
    message.remove();
    if (hadFocus) (message.before?.isConnected ? message.before : document.querySelector(".runs .rows"))?.focus();
  }

  // ---- What breaks down

  let broken = false;

  /** Says what broke. The first one counts: what follows it is often a consequence. */
  function card(what, goesOn) {
    if (broken) return;
    broken = true;
    const again = element("a", "button main", "Open this view again");
    // The module writes what it shows into the address before it gives up.
    setTimeout(() => (again.href = location.href));
    again.addEventListener("click", (event) => {
      event.preventDefault();
      location.reload();
    });
    const first = element("a", "button", "Open the first story");
    first.href = place;
    const close = button("Dismiss", () => {
      remove(shown);
      broken = false;
    });
    const shown = element(
      "section",
      "message card",
      element("h2", "", "Something broke"),
      element("p", "cause", what),
      element("p", "", goesOn),
      element("div", "choices", again, first, close),
    );
    shown.setAttribute("role", "alert");
    // Behind a dialog nobody could press its buttons.
    const dialog = document.querySelector("dialog:modal");
    show(shown, dialog ?? messages);
    dialog?.addEventListener("close", () => messages.append(shown), { once: true });
  }

  const STAYS =
    "What is on display stays, but may no longer respond. The address holds the scenario, the schedule and the step: reopening it replays them. A macro of your own is in the address or in this browser.";

  /** Errors of the page's own files; extensions and other guests have theirs. */
  function isOwn(error, file) {
    return error instanceof WebAssembly.RuntimeError || (error instanceof Error && (file ?? error.stack ?? "").includes(place));
  }

  addEventListener("error", ({ error, filename }) => {
    if (!isOwn(error, filename)) return;
    if (started) card(error.message, STAYS);
    else early ??= error;
  });
  addEventListener("unhandledrejection", ({ reason }) => {
    if (isOwn(reason)) card(reason.message, STAYS);
  });
  addEventListener("worker-broke", ({ detail }) => {
    card(detail, "One of the page's workers stopped. The rest still works, and your next change starts a new one. Reopening this view replays what the address holds.");
  });

  // ---- Without a network, and other versions

  /** Says that another version waits. It comes when a person asks for it, and not before. */
  function announce(registration) {
    if (document.querySelector(".message.version")) return;
    const load = button("Load it", () => {
      navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
      // Another tab may have asked before.
      if (registration.waiting) registration.waiting.postMessage("take over");
      else location.reload();
    });
    const shown = element("div", "message version", element("p", "", "There is a new version of this page."), load, button("Later", () => remove(shown)));
    shown.setAttribute("role", "status");
    show(shown);
  }

  /** Milliseconds between two questions whether there is another version, in a tab that stays open. */
  const HOUR = 3_600_000;

  async function keep() {
    // Where the browser has none, or refuses (private windows, blocked storage), the page works and needs its server.
    const registration = await navigator.serviceWorker?.register("service-worker.js", { updateViaCache: "none" }).catch(() => undefined);
    if (!registration || !build) return;
    const installed = (worker) => {
      // The first one of all replaces nothing.
      if (worker.state === "installed" && registration.active) announce(registration);
    };
    const watch = (worker) => {
      if (!worker) return;
      installed(worker);
      worker.addEventListener("statechange", () => installed(worker));
    };
    // The browser has looked for another version when the page was opened.
    watch(registration.waiting ?? registration.installing);
    registration.addEventListener("updatefound", () => watch(registration.installing));
    let asked = Date.now();
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || Date.now() - asked < HOUR) return;
      asked = Date.now();
      registration.update().catch(() => {});
    });
    await navigator.serviceWorker.ready;
    // What came past the worker: it was loaded before the worker was there, or on its way when it came.
    const keepPast = (entries) => {
      const past = entries.filter(({ name, workerStart }) => workerStart === 0 && name.startsWith(place));
      if (past.length > 0) registration.active?.postMessage(past.map(({ name }) => name));
    };
    new PerformanceObserver((list) => keepPast(list.getEntries())).observe({ type: "resource", buffered: true });
  }

  start().then(() => {
    if (!started || !/^https?:$/.test(location.protocol)) return;
    const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 1000));
    // Nothing is to come between a person and the first drawing.
    if (document.readyState === "complete") idle(keep);
    else addEventListener("load", () => idle(keep));
  });
})();
