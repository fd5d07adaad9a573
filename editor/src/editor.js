// The editor of a person's own text. The page loads it when a person edits; until then, and without it, the page has a plain text area.
// It knows nothing of assembly: the page says what is wrong with a text and which names there are.

import { autocompletion, closeCompletion, completionKeymap, completionStatus } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { unifiedMergeView } from "@codemirror/merge";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { assembly } from "./assembly.js";
import { complete } from "./names.js";
import { theme } from "./theme.js";

/** Escape closes a list of names that is open, and nothing that has yet to open: it goes on to the dialog. */
const completing = [
  ...completionKeymap.filter(({ key }) => key !== "Escape"),
  { key: "Escape", run: (view) => completionStatus(view.state) === "active" && closeCompletion(view) },
];

/** What the page puts into the text. It gets no report of that. */
const ofPage = Annotation.define();

/** The part of two texts that differs: what is left of it by the start and the end that they share. */
function difference(before, after) {
  let from = 0;
  const shorter = Math.min(before.length, after.length);
  while (from < shorter && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < shorter - from && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

/** The place of a line and a column, both from 1, the column in characters. What is past an end is at the end. */
function place(doc, line, column) {
  const { from, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return from + [...text].slice(0, Math.max(column - 1, 0)).join("").length;
}

/** The word at a place, or one character, or what is left of the line. */
function word(doc, from) {
  const { to, text, from: start } = doc.lineAt(from);
  const found = /^[%$\\]*[\w.@]+/.exec(text.slice(from - start))?.[0].length ?? 1;
  return { from, to: Math.min(from + found, to) };
}

class Code {
  #view;
  #extensions;
  /** The side whose text is shown, and what the editor knows of the texts of others: cursor and history are theirs. */
  #side;
  #others = new Map();
  #attributes = new Compartment();
  #against = new Compartment();
  #original = undefined;
  #label;
  /** What the page gave is gone then, and the view may still have something to say. */
  #isClosed = false;

  constructor(area, parent, side, typed, stands, names) {
    this.#side = side;
    this.#label = { "aria-label": area.ariaLabel, "aria-describedby": area.getAttribute("aria-describedby"), spellcheck: "false", tabindex: "0" };
    let last = 0;
    const told = EditorView.updateListener.of(({ docChanged, transactions, state }) => {
      if (this.#isClosed) return;
      if (docChanged && !transactions.every((one) => one.annotation(ofPage))) typed(state.doc.toString());
      const { number } = state.doc.lineAt(state.selection.main.head);
      if (number !== last) stands((last = number));
    });
    this.#extensions = [
        lineNumbers(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        assembly,
        indentUnit.of("\t"),
        EditorState.tabSize.of(8),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        search({ top: true }),
        // Nothing is chosen until a person goes there: Enter stays a new line.
        autocompletion({ override: [complete(() => (this.#isClosed ? "" : names()))], icons: false, maxRenderedOptions: 9, selectOnOpen: false, interactionDelay: 0, defaultKeymap: false }),
        lintGutter(),
        keymap.of([...completing, ...searchKeymap, ...historyKeymap, ...lintKeymap, ...defaultKeymap]),
        this.#attributes.of(this.#attributed(false)),
        this.#against.of([]),
        told,
        theme,
    ];
    const { selectionStart, selectionEnd, scrollTop } = area;
    const hadFocus = document.activeElement === area;
    // The text area counts a line break as one character, as the editor does.
    const selection = { anchor: selectionStart, head: selectionEnd };
    this.#view = new EditorView({ state: this.#created(area.value, selection), parent });
    area.hidden = true;
    if (hadFocus) {
      this.#view.focus();
      // For 200 ms after a focus CodeMirror holds a cursor at the start for the browser's, and puts back its own only where that differs from
      // what it has last read. If the first line is drawn anew meanwhile, it does not differ, and the cursor jumps to the start.
      this.#view.inputState.lastFocusTime = 0;
    }
    this.#view.scrollDOM.scrollTop = scrollTop;
  }

  #created(doc, selection) {
    return EditorState.create({ doc, selection, extensions: this.#extensions });
  }

  #attributed(isInvalid) {
    return EditorView.contentAttributes.of({ ...this.#label, "aria-invalid": String(isInvalid) });
  }

  /** Shows the text of a side. Another text in the place of one can be taken back, and what stays keeps cursor and marks. */
  show(side, text) {
    const wanted = text.replaceAll(/\r\n?/g, "\n");
    if (side !== this.#side) {
      this.#others.set(this.#side, this.#view.state);
      this.#view.setState(this.#others.get(side) ?? this.#created(wanted));
      this.#side = side;
      this.against(this.#original);
    }
    const now = this.#view.state.doc.toString();
    if (now === wanted) return;
    closeCompletion(this.#view);
    this.#view.dispatch({ changes: difference(now, wanted), annotations: ofPage.of(true) });
  }

  /** Marks what is to be said of the text: a list of [severity, line, column, message]. */
  mark(problems) {
    const { doc } = this.#view.state;
    const diagnostics = problems.map(([severity, line, column, message]) => ({ ...word(doc, place(doc, line, column)), severity, message }));
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics), {
      effects: this.#attributes.reconfigure(this.#attributed(problems.some(([severity]) => severity === "error"))),
    });
  }

  /** Shows the text against another, or alone. */
  against(original) {
    this.#original = original;
    const shown = original === undefined ? [] : unifiedMergeView({ original, mergeControls: false });
    this.#view.dispatch({ effects: this.#against.reconfigure(shown) });
  }

  close() {
    this.#isClosed = true;
    this.#view.destroy();
  }
}

/**
 * Takes the place of a text area, with its text, which is that of a side, its selection and its focus. `typed` gets the text
 * at each change by a person, `stands` the line of the cursor, from 1; `names` gives the names that can be completed, a line each: the
 * kind, a blank, the name.
 */
export function open(area, parent, side, typed, stands, names) {
  return new Code(area, parent, side, typed, stands, names);
}
