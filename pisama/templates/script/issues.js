// The issues of a run, its tools, and what the report does not tell.

const PIECES = 4;
const NAMED = 12;

/** The column of issues. `choose(number)` selects an issue; `goTo(step, issue)` shows its evidence. */
function issueColumn(run, choose, goTo) {
  const cards = run.issues.map((issue, number) => issueCard(run, issue, number, choose, goTo));
  return html(
    "section",
    { class: "issues", "aria-labelledby": "issues-title" },
    html("h2", { id: "issues-title" }, run.issues.length ? count(run.issues.length, "issue") : "No issues"),
    cards.length ? html("ol", { class: "cards" }, cards) : null,
    toolTable(run),
    limits(run),
  );
}

function issueCard(run, issue, number, choose, goTo) {
  const where = issue.step === null ? "the whole run" : `${issue.agent}, step ${issue.step}`;
  return html(
    "li",
    { class: "card", "data-issue": number },
    html(
      "h3",
      {},
      html(
        "button",
        { type: "button", class: "choose", "aria-pressed": "false", onclick: () => choose(number, true) },
        html("span", { class: `number ${issue.level}`, "aria-hidden": "true" }, String(number + 1)),
        html("span", { class: "name" }, html("span", { class: `level ${issue.level}` }, capital(issue.level)), ` ${issue.type}`),
        html("span", { class: "where" }, where),
        html("span", { class: "summary", dir: "auto" }, issue.summary),
      ),
    ),
    html(
      "div",
      { class: "body" },
      evidenceList(run, issue, number, goTo),
      html("p", { class: "fix", dir: "auto" }, html("b", {}, "Fix "), issue.fix),
      html(
        "p",
        { class: "meta" },
        [
          `severity ${issue.severity}`,
          `confidence ${issue.confidence.toFixed(2)}`,
          issue.at,
          issue.span ? `span ${issue.span}` : null,
          `fingerprint ${issue.fingerprint}`,
        ].filter(Boolean).join(" · "),
      ),
    ),
  );
}

/** The pieces of evidence, the first few at once; equal ones of several steps are told once. */
function evidenceList(run, issue, number, goTo) {
  const groups = new Map();
  for (const item of issue.evidence) {
    const key = `${item.quote}\n${item.note}`;
    if (!groups.has(key)) groups.set(key, { item, steps: [] });
    if (item.step !== null) groups.get(key).steps.push(item.step);
  }
  const all = [...groups.values()];
  const show = ({ item, steps }) => evidenceItem(run, item, steps, (step) => goTo(step, number));
  const list = html("ul", { class: "evidence", "aria-label": "Evidence" }, all.slice(0, PIECES).map(show));
  if (all.length <= PIECES) return list;
  const more = (event) => {
    list.append(...all.slice(PIECES).map(show));
    event.currentTarget.remove();
  };
  return [list, html("button", { type: "button", class: "fold", onclick: more }, `Show ${count(all.length - PIECES, "more piece", "more pieces")} of evidence`)];
}

function evidenceItem(run, item, steps, goTo) {
  const links = steps.slice(0, NAMED).map((step) =>
    run.positions.has(step) ? html("button", { type: "button", class: "link", "aria-label": `Step ${step}`, onclick: () => goTo(step) }, String(step)) : String(step),
  );
  const more = steps.length > NAMED ? ` and ${steps.length - NAMED} more` : "";
  return html(
    "li",
    {},
    steps.length ? html("span", { class: "steps-of" }, steps.length > 1 ? "Steps " : "Step ", links.flatMap((link, at) => (at ? [", ", link] : [link])), more) : null,
    html("q", { dir: "auto" }, item.quote),
    item.note ? html("span", { class: "note" }, item.note) : null,
  );
}

function toolTable(run) {
  const { tools } = run.data;
  if (!tools.length) return null;
  const rows = tools.map((tool) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, tool.name, tool.error ? html("span", { class: "note", dir: "auto" }, firstWords(tool.error, 140)) : null),
      html("td", {}, tool.calls.toLocaleString("en")),
      html("td", { class: tool.failed ? "failed" : null }, tool.failed ? tool.failed.toLocaleString("en") : "–"),
      html("td", {}, tool.unknown ? tool.unknown.toLocaleString("en") : "–"),
    ),
  );
  const heads = ["calls", "failed", "no result"].map((name) => html("th", { scope: "col" }, name));
  return html(
    "details",
    { class: "aside", open: true },
    html("summary", {}, html("h2", {}, "Tools")),
    html("table", {}, html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "tool"), heads)), html("tbody", {}, rows)),
  );
}

/** What the report does not tell: what could not run, crashed, or was left out. */
function limits(run) {
  const { data } = run;
  const reasons = new Map();
  for (const { detector, reason } of data.skipped) reasons.set(reason, [...(reasons.get(reason) || []), detector]);
  const parts = [
    ...data.crashed.map(({ detector, reason }) => fact("Crashed", html("b", {}, detector), `: ${reason}`)),
    ...[...reasons].map(([reason, detectors]) => fact("Could not run", html("b", {}, detectors.join(", ")), `: ${reason}`)),
    others("Suppressed", data.suppressed, (issue) => (issue.by === "baseline" ? "in the baseline" : issue.reason)),
    others("Not shown", data.hidden, (issue) => `severity ${issue.severity}, confidence ${issue.confidence.toFixed(2)}: under what was asked for`),
    others("Told by another", data.covered, () => "the same failure as an issue above"),
    fact("Looked", data.ran.length ? data.ran.join(", ") : "no detector"),
  ];
  return html(
    "details",
    { class: "aside limits", open: data.crashed.length > 0 || run.issues.length === 0 },
    html("summary", {}, html("h2", {}, "What was and was not looked at")),
    html("dl", {}, parts),
  );
}

function others(name, issues, why) {
  if (!issues.length) return null;
  const shown = issues.slice(0, 50).map((issue) =>
    html("li", { dir: "auto" }, html("b", {}, `${issue.level} ${issue.type}`), issue.step === null ? "" : `, step ${issue.step}`, `: ${issue.summary} `, html("span", { class: "note" }, why(issue))),
  );
  const more = issues.length > 50 ? html("p", { class: "soft" }, `and ${count(issues.length - 50, "more", "more")}`) : null;
  return fact(name, count(issues.length, "issue"), html("ul", {}, shown), more);
}
