// Colours of GNU assembler text with the C preprocessor in front of it, as entry code is written.

import { StreamLanguage } from "@codemirror/language";
import { gas } from "@codemirror/legacy-modes/mode/gas";

const PREPROCESSOR = /^#\s*(define|undef|include|ifn?def|if|elif|else|endif|error|warning|pragma)\b/;
/** The argument of a macro, `\@` and `\()` included. */
const ARGUMENT = /^\\(\w+|@|\(\))/;
const REGISTER = /^%[a-z]\w*/;
/** A macro, a feature or a constant. */
const CAPITALS = /^[A-Z_][A-Z0-9_]{2,}\b/;
const LABEL = /^[.\w$]+(\\@)?:/;
const DIRECTIVE = /^\.[a-z]\w*/;
const MNEMONIC = /^[a-z]\w*/;

/** What only the beginning of a statement can be. */
function first(stream) {
  if (stream.match(LABEL)) return "labelName";
  if (stream.match(DIRECTIVE)) return "keyword";
  return stream.match(MNEMONIC) ? "operatorKeyword" : null;
}

/** What the mode does not know. */
function anywhere(stream) {
  if (stream.match(ARGUMENT)) return "variableName.special";
  if (stream.match(REGISTER)) return "variableName";
  return stream.match(CAPITALS) ? "macroName" : null;
}

function token(stream, state) {
  // Inside a comment that spans lines the mode goes on by itself.
  if (state.tokenize) return gas.token(stream, state);
  if (stream.sol()) state.isFirst = true;
  if (stream.sol() && stream.match(PREPROCESSOR)) return "meta";
  if (stream.eatSpace()) return null;
  // In a patch a line begins with its sign.
  if (stream.sol() && stream.match(/^[+-]/)) return null;
  const found = (state.isFirst && first(stream)) || anywhere(stream);
  if (found) {
    // A label stands before a statement.
    state.isFirst &&= found === "labelName";
    return found;
  }
  if (stream.match(";")) state.isFirst = true;
  else state.isFirst &&= !stream.match(/^[\w.]+/, false);
  return gas.token(stream, state);
}

export const assembly = StreamLanguage.define({
  ...gas,
  token,
  startState: () => ({ ...gas.startState(), isFirst: true }),
  copyState: (state) => ({ ...state }),
});
