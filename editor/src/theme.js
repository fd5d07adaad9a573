// The colours are those of the page (static/css/tokens.css), which has them for light and dark.

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { StyleModule } from "style-mod";

/** Every sheet that is wanted, in order. */
const sheet = new CSSStyleSheet();
let mounted = [];

// The page's policy allows no style element that a script makes. It does allow a sheet that the document adopts.
StyleModule.mount = (root, wanted) => {
  if (wanted.every((one) => mounted.includes(one))) return;
  mounted = [...mounted.filter((one) => !wanted.includes(one)), ...wanted];
  sheet.replaceSync(mounted.map((one) => one.getRules()).join("\n"));
  if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets.push(sheet);
};

const box = "1px solid var(--line-strong)";
const field = { border: box, borderRadius: "var(--radius)", background: "var(--surface)", color: "var(--text)", font: "inherit" };

const look = EditorView.theme({
  "&": { border: box, borderRadius: "var(--radius)", background: "var(--surface)", color: "var(--text)", fontSize: "var(--code-size)", height: "23rem", resize: "vertical", overflow: "hidden", minHeight: "6rem" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "1px" },
  "&:has([aria-invalid=true])": { borderColor: "var(--flush)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-content": { caretColor: "var(--text)", padding: "4px 0" },
  ".cm-gutters": { background: "var(--surface)", color: "var(--text-dim)", border: "0", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "var(--hover)" },
  ".cm-activeLineGutter": { color: "var(--text)" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--current)", outline: box },
  "&.cm-focused .cm-nonmatchingBracket": { background: "var(--flush-ground)", outline: "1px solid var(--flush)" },
  ".cm-selectionMatch": { background: "var(--current)" },
  ".cm-searchMatch": { background: "var(--user-ground)", outline: "1px solid var(--user-edge)" },
  ".cm-searchMatch-selected": { background: "var(--kernel-ground)", outline: "2px solid var(--kernel-edge)" },
  ".cm-panels": { background: "var(--raised)", color: "var(--text)", borderColor: "var(--line)", fontFamily: "var(--sans)" },
  ".cm-panel.cm-search": { padding: "8px 36px 8px 8px" },
  ".cm-panel.cm-search label": { fontSize: "var(--small-size)", display: "inline-flex", alignItems: "center", gap: "2px", minHeight: "var(--target)" },
  ".cm-panel.cm-search [name=close]": { minWidth: "var(--target)", minHeight: "var(--target)", top: "4px", right: "4px", color: "var(--text)" },
  ".cm-textfield": { ...field, minHeight: "var(--target)", fontFamily: "var(--mono)", fontSize: "var(--code-size)" },
  ".cm-button": { ...field, backgroundImage: "none", minHeight: "var(--target)" },
  ".cm-button:active": { backgroundImage: "none", background: "var(--current)" },
  ".cm-tooltip": { border: box, borderRadius: "var(--radius)", background: "var(--raised)", color: "var(--text)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "none", overflow: "hidden" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--current)", color: "var(--text)", outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
  ".cm-diagnostic": { padding: "4px 10px", whiteSpace: "pre-wrap", fontFamily: "var(--sans)" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--flush)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--user-edge)" },
  ".cm-lintRange": { backgroundImage: "none", paddingBottom: "0", textDecoration: "wavy underline var(--user-edge)", textUnderlineOffset: "3px" },
  ".cm-lintRange-error": { textDecorationColor: "var(--flush)", textDecorationStyle: "solid", textDecorationThickness: "2px" },
  ".cm-lintPoint::after": { borderBottomColor: "var(--flush)" },
  ".cm-lint-marker": { width: "10px", height: "10px", content: "none" },
  ".cm-lint-marker::before": { display: "block", lineHeight: "10px", color: "var(--user)", content: "'!'", fontWeight: "600" },
  ".cm-lint-marker-error::before": { color: "var(--flush)", content: "'✕'" },
  "&.cm-merge-b .cm-changedLine, .cm-inlineChangedLine": { background: "var(--holds-ground)" },
  "&.cm-merge-b .cm-changedText, &.cm-merge-b .cm-deletedText, .cm-deletedChunk .cm-deletedText": { background: "none", textDecoration: "underline 2px", textUnderlineOffset: "3px" },
  ".cm-deletedChunk": { background: "var(--flush-ground)", paddingLeft: "6px" },
  ".cm-gutterElement.cm-changedLineGutter, .cm-gutterElement.cm-deletedLineGutter, .cm-gutterElement.cm-inlineChangedLineGutter": { background: "none" },
  ".cm-changeGutter": { width: "12px", paddingLeft: "2px" },
  ".cm-changedLineGutter::before": { content: "'+'", color: "var(--holds)", fontWeight: "600" },
  ".cm-deletedLineGutter::before": { content: "'−'", color: "var(--flush)", fontWeight: "600" },
  ".cm-inlineChangedLineGutter::before": { content: "'±'", color: "var(--inject)", fontWeight: "600" },
  "@media (forced-colors: active)": {
    "&.cm-focused": { outlineColor: "Highlight" },
    "&:has([aria-invalid=true])": { border: "3px double CanvasText" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { forcedColorAdjust: "none", background: "Highlight", color: "HighlightText" },
    ".cm-searchMatch, .cm-matchingBracket, .cm-activeLineGutter": { outline: "1px solid CanvasText" },
  },
});

const colours = HighlightStyle.define([
  { tag: tags.comment, color: "var(--text-dim)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.meta], color: "var(--inject)" },
  { tag: tags.operatorKeyword, color: "var(--text)", fontWeight: "600" },
  { tag: tags.labelName, color: "var(--holds)", fontWeight: "600" },
  { tag: tags.macroName, color: "var(--kernel)" },
  { tag: tags.variableName, color: "var(--user)" },
  { tag: tags.special(tags.variableName), color: "var(--flush)" },
  { tag: [tags.string, tags.number], color: "var(--text-soft)" },
]);

export const theme = [look, syntaxHighlighting(colours)];
