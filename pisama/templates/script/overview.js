// Several traces: a table that can be sorted and filtered, and what could not be read.

const VERDICTS = ["failed", "suspect", "not examined", "nothing found"];
const LEVELS = ["critical", "high", "medium", "low", "info"];
const ROWS = 500;

const COLUMNS = [
  ["verdict", "Verdict", (row) => [-VERDICTS.indexOf(row.verdict), row.worst ? row.worst.severity : -1]],
  ["trace", "Trace", (row) => [runName(row)]],
  ["issues", "Issues", (row) => LEVELS.map((level) => row.issues[level] || 0)],
  ["steps", "Steps", (row) => [row.steps]],
  ["calls", "Failed calls", (row) => [row.failed, row.calls]],
  ["tokens", "Tokens", (row) => [(row.input || 0) + (row.output || 0)]],
  ["cost", "Cost", (row) => [row.cost || 0]],
  ["seconds", "Time", (row) => [row.seconds || 0]],
];

class Overview {
  /** `open(number)` shows a trace. */
  constructor(overview, open) {
    this.overview = overview;
    this.open = open;
    this.sorted = { column: "verdict", descending: true };
    this.verdict = null;
    this.words = "";
    this.columns = COLUMNS.filter(([id]) => this.recorded(id));
    this.body = html("tbody", {});
    this.head = html("tr", {});
    this.status = html("p", { class: "soft", role: "status" });
    this.element = html(
      "article",
      { class: "overview" },
      html("header", { class: "head" }, html("h1", {}, count(overview.traces.length, "trace"), ": ", this.verdicts())),
      this.unread(),
      this.stale(),
      this.tally(),
      html("div", { class: "table" }, html("table", {}, html("caption", { class: "unseen" }, "Traces; a heading sorts"), html("thead", {}, this.head), this.body)),
      this.status,
    );
    this.draw();
  }

  recorded(id) {
    const { traces } = this.overview;
    if (id === "tokens") return traces.some((row) => row.input !== null || row.output !== null);
    if (id === "cost" || id === "seconds") return traces.some((row) => row[id] !== null);
    return true;
  }

  verdicts() {
    return VERDICTS.map((verdict) => [verdict, this.overview.traces.filter((row) => row.verdict === verdict).length])
      .filter(([, number]) => number)
      .map(([verdict, number]) => html("button", { type: "button", class: `verdict ${verdict.replace(" ", "-")}`, "aria-pressed": "false", onclick: (event) => this.only(verdict, event.currentTarget) }, `${number.toLocaleString("en")} ${verdict}`));
  }

  only(verdict, button) {
    this.verdict = this.verdict === verdict ? null : verdict;
    for (const each of button.parentElement.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button && this.verdict !== null));
    this.draw();
  }

  unread() {
    const { errors } = this.overview;
    if (!errors.length) return null;
    const shown = errors.slice(0, 100).map((error) => html("li", { dir: "auto" }, html("b", {}, error.at), `: ${error.reason}`, error.fatal ? null : " (the rest of it was read)"));
    const more = errors.length > shown.length ? html("li", {}, `and ${count(errors.length - shown.length, "more", "more")}`) : null;
    return html("section", { class: "warning", "aria-label": "Not readable" }, html("h2", {}, `${count(errors.length, "place")} could not be read`), html("ul", {}, shown, more));
  }

  stale() {
    const { stale } = this.overview;
    if (!stale.length) return null;
    const entries = stale.slice(0, 100).map((entry) => html("li", { dir: "auto" }, `${entry.type} in ${entry.path}: ${entry.summary}`));
    return html("details", { class: "aside" }, html("summary", {}, html("h2", {}, `${count(stale.length, "entry", "entries")} of the baseline no longer found`)), html("ul", {}, entries));
  }

  /** How many traces have which issue as their worst. */
  tally() {
    const numbers = new Map();
    for (const { worst } of this.overview.traces) if (worst) numbers.set(worst.type, (numbers.get(worst.type) || 0) + 1);
    if (!numbers.size) return null;
    const items = [...numbers].sort((one, other) => other[1] - one[1]).map(([type, number]) => html("li", {}, html("b", {}, number.toLocaleString("en")), ` ${type}`));
    return html("div", { class: "tally" }, html("span", { class: "soft" }, "Worst issue"), html("ul", {}, items));
  }

  look(words) {
    this.words = words.trim().toLowerCase();
    this.draw();
    return this.rows.length;
  }

  draw() {
    this.head.replaceChildren(...this.columns.map(([id, label]) => this.heading(id, label)));
    const key = COLUMNS.find(([id]) => id === this.sorted.column)[2];
    const direction = this.sorted.descending ? -1 : 1;
    this.rows = this.overview.traces
      .map((row, number) => ({ row, number, key: key(row) }))
      .filter(({ row }) => (!this.verdict || row.verdict === this.verdict) && this.holds(row))
      .sort((one, other) => direction * compare(one.key, other.key) || one.number - other.number);
    this.body.replaceChildren(...this.rows.slice(0, ROWS).map(({ row, number }) => this.line(row, number)));
    const cut = this.rows.length > ROWS ? `The first ${ROWS} of ${this.rows.length.toLocaleString("en")} are shown: sort, filter or search for others.` : "";
    this.status.textContent = this.rows.length ? cut : "No trace is like that.";
  }

  holds(row) {
    return !this.words || [row.id, row.file || "", row.format, row.worst ? `${row.worst.type} ${row.worst.summary}` : ""].join("\n").toLowerCase().includes(this.words);
  }

  heading(id, label) {
    const mine = this.sorted.column === id;
    const sort = () => {
      this.sorted = { column: id, descending: mine ? !this.sorted.descending : id !== "trace" };
      this.draw();
      this.head.querySelector(`[data-column="${id}"] button`).focus();
    };
    return html("th", { scope: "col", "data-column": id, "aria-sort": mine ? (this.sorted.descending ? "descending" : "ascending") : "none" }, html("button", { type: "button", onclick: sort }, label));
  }

  line(row, number) {
    const cells = {
      verdict: () => html("td", {}, verdictBadge(row.verdict)),
      trace: () =>
        html(
          "th",
          { scope: "row" },
          html("a", { href: `#trace-${number + 1}` }, html("bdi", {}, runName(row))),
          html("span", { class: "note", dir: "auto" }, row.worst ? `${row.worst.type}: ${row.worst.summary}` : row.crashed ? `${count(row.crashed, "detector")} crashed` : `${row.ran} of ${row.ran + row.skipped + row.crashed} detectors could look`),
        ),
      issues: () => html("td", { class: "levels" }, LEVELS.filter((level) => row.issues[level]).map((level) => html("span", { class: `number ${level}`, title: level, "aria-label": `${row.issues[level]} ${level}` }, String(row.issues[level])))),
      steps: () => html("td", {}, row.steps.toLocaleString("en")),
      calls: () => html("td", { class: row.failed ? "failed" : null }, row.calls ? `${row.failed.toLocaleString("en")} of ${row.calls.toLocaleString("en")}` : "–"),
      tokens: () => html("td", {}, row.input === null && row.output === null ? "–" : ((row.input || 0) + (row.output || 0)).toLocaleString("en")),
      cost: () => html("td", {}, row.cost === null ? "–" : `$${row.cost.toFixed(row.cost < 1 ? 4 : 2)}`),
      seconds: () => html("td", {}, row.seconds === null ? "–" : duration(row.seconds * 1000)),
    };
    return html("tr", {}, this.columns.map(([id]) => cells[id]()));
  }
}

function compare(one, other) {
  for (let at = 0; at < one.length; at += 1) {
    if (one[at] < other[at]) return -1;
    if (one[at] > other[at]) return 1;
  }
  return 0;
}
