// Completion of the names that the page knows.

/** What is being typed: a name with what may stand before it. */
const NAME = /[%\\.$]*[\w.]+$/;

/** The names that the page knows, as it writes them. */
function options(names) {
  const lines = names.split("\n").filter((line) => line);
  return lines.map((line) => line.split(" ")).map(([detail, label]) => ({ label, detail }));
}

/** Offers the names that what is being typed may become. */
export const complete = (names) => (context) => {
  const word = context.matchBefore(NAME);
  if (!word && !context.explicit) return null;
  // One letter begins too many.
  if (word && word.to - word.from < 2 && !context.explicit) return null;
  return { from: word?.from ?? context.pos, options: options(names()).filter(({ label }) => label !== word?.text), validFor: /^[%\\.$]*[\w.]*$/ };
};
