// Texts of a trace: found in, marked, and folded when long.

const FOLD_LINES = 14;
const LINE = 110;
const HIDDEN = 4;
const CONTEXT = 300;
const PRINTED = 6000;

/** Where a quote stands in a text, white space aside; null where it does not. */
function locate(text, quote) {
  const parts = quote.split("…").map((part) => part.trim());
  const longest = parts.reduce((best, part) => (part.length > best.length ? part : best), "");
  if (!longest) return null;
  const start = text.indexOf(longest);
  if (start >= 0) return { start, end: start + longest.length };
  const words = longest.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"));
  const match = new RegExp(words.join("\\s+")).exec(text);
  return match ? { start: match.index, end: match.index + match[0].length } : null;
}

/** Every place of some words, given in lower case, in a text. */
function occurrences(text, words) {
  const found = [];
  // Lower case may be longer than the text in a few scripts; places would be wrong there, so none is given.
  const lowered = text.toLowerCase();
  if (!words || lowered.length !== text.length) return found;
  for (let at = lowered.indexOf(words); at >= 0 && found.length < 2000; at = lowered.indexOf(words, at + words.length)) {
    found.push({ start: at, end: at + words.length, kind: "hit" });
  }
  return found;
}

/** The text as nodes, marked where the ranges say; the first of two that overlap wins. */
function marked(text, ranges) {
  const nodes = [];
  let at = 0;
  for (const range of [...ranges].sort((one, other) => one.start - other.start)) {
    if (range.start < at) continue;
    if (range.start > at) nodes.push(text.slice(at, range.start));
    nodes.push(html("mark", { class: range.kind, title: range.title }, text.slice(range.start, range.end)));
    at = range.end;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function lineCount(text) {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** Where a long text is cut when it is folded: at the end of a line if one is near. */
function foldAt(text, lines, characters) {
  let end = 0;
  for (let line = 0; line < lines; line += 1) {
    const next = text.indexOf("\n", end);
    if (next < 0 || next > characters) return characters;
    end = next + 1;
  }
  return end - 1;
}

/**
 * A text as an element, folded when it is long and nothing in its fold is marked. `folds` remembers by
 * `key` what the reader opened. Around a marked place far down, what comes before it is folded too. On paper, where
 * nothing can be opened, a text may be longer.
 */
function passage(text, { key, folds, ranges = [], code = false, printed = false, most = FOLD_LINES }) {
  const kind = code ? "passage code" : "passage";
  const lines = lineCount(text);
  const characters = most * LINE;
  const short = printed ? text.length <= PRINTED : lines <= most && text.length <= characters;
  if (short || folds.has(key)) {
    return html("div", { class: kind, dir: "auto" }, marked(text, ranges), short ? null : fold(false));
  }
  const evidence = ranges.find((range) => range.kind === "evidence") || ranges[0];
  let from = 0;
  let to = printed ? PRINTED : foldAt(text, Math.max(2, most - HIDDEN), characters);
  if (evidence && evidence.end > to) {
    from = Math.max(0, evidence.start - CONTEXT);
    to = Math.min(text.length, evidence.end + CONTEXT);
  }
  const inside = ranges
    .filter((range) => range.start >= from && range.end <= to)
    .map((range) => ({ ...range, start: range.start - from, end: range.end - from }));
  return html(
    "div",
    { class: kind, dir: "auto" },
    from > 0 ? html("span", { class: "gap" }, `… ${count(from, "character")} before …\n`) : null,
    marked(text.slice(from, to), inside),
    to < text.length ? html("span", { class: "gap" }, ` … ${count(text.length - to, "character")} more`) : null,
    fold(true),
  );

  function fold(opens) {
    const label = opens
      ? `Show all ${lines > most ? count(lines, "line") : count(text.length, "character")}`
      : "Show less";
    const toggle = (event) => {
      if (opens) folds.add(key);
      else folds.delete(key);
      const whole = event.currentTarget.closest(".passage");
      const replaced = passage(text, { key, folds, ranges, code, most });
      whole.replaceWith(replaced);
      replaced.querySelector(".fold")?.focus({ preventScroll: true });
    };
    return html("button", { type: "button", class: "fold", onclick: toggle }, label);
  }
}
