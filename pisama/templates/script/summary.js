// The head of a run: the verdict, the most likely cause, and what the run was.

function verdictBadge(verdict) {
  return html("span", { class: `verdict ${verdict.replace(" ", "-")}` }, capital(verdict));
}

function headline(run) {
  const { row, data } = run;
  if (run.issues.length) return run.issues[0].summary;
  if (row.ran) {
    return `${row.ran} of ${row.ran + row.skipped + row.crashed} detectors could look at this run and found nothing. That is no proof of health.`;
  }
  return data.crashed.length ? "No detector came to an end on this run." : "The trace records too little for any detector.";
}

/** The head. `goTo` shows a step. */
function runHead(run, goTo) {
  const { row, data } = run;
  return html(
    "header",
    { class: "head" },
    html("p", { class: "origin" }, [row.file || "input", row.format, data.began ? startedAt(data.began) : null].filter(Boolean).join(" · ")),
    html("h1", {}, verdictBadge(row.verdict), " ", html("span", { class: "headline", dir: "auto" }, headline(run))),
    warnings(run),
    html(
      "div",
      { class: "facts" },
      html("dl", { class: "story" }, data.fault ? fact("At fault", capital(data.fault.replace(/ is at fault$/, ""))) : null, cause(run, goTo), task(run)),
      figures(run),
    ),
  );
}

/** What the step of the attribution is called: where none stands out it is a suspect and no more. */
function causeName(run) {
  return run.data.cause.sure ? "likely cause" : "first suspect";
}

function startedAt(iso) {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

function fact(name, ...content) {
  return html("div", { class: "fact" }, html("dt", {}, name), html("dd", {}, ...content));
}

function cause(run, goTo) {
  const found = run.data.cause;
  if (!found) return null;
  const others = found.others.map((other) => [other === found.others[0] ? "" : ", then ", `${other.agent} at `, stepLink(run, other.step, goTo)]);
  return fact(
    "Most likely cause",
    html(
      "p",
      { dir: "auto" },
      found.sure ? null : "Cannot tell, for no step stands out; the first suspect is ",
      html("b", {}, found.agent),
      " at ",
      stepLink(run, found.step, goTo),
      `, because ${found.reason}.`,
    ),
    html("p", { class: "soft" }, `Confidence ${found.confidence.toFixed(2)}`, others.length ? "; next " : "", others.flat(), "."),
  );
}

function stepLink(run, step, goTo) {
  if (!run.positions.has(step)) return html("span", {}, `step ${step}`);
  return html("button", { type: "button", class: "link", onclick: () => goTo(step) }, `step ${step}`);
}

function task(run) {
  const text = run.text(run.data.task);
  return text ? fact("Task", passage(text, { key: "task", folds: new Set(), most: 6 })) : null;
}

function figures(run) {
  const { row, data } = run;
  const tokens = row.input !== null || row.output !== null;
  return html(
    "dl",
    { class: "figures" },
    figure("Steps", row.steps.toLocaleString("en")),
    figure("Tool calls", row.calls.toLocaleString("en"), row.failed ? `${row.failed.toLocaleString("en")} failed` : null),
    figure("Agents", data.agents.length.toLocaleString("en")),
    tokens ? figure("Tokens", ((row.input || 0) + (row.output || 0)).toLocaleString("en"), `${(row.output || 0).toLocaleString("en")} out`) : null,
    row.cost !== null ? figure("Cost", `$${row.cost.toFixed(row.cost < 1 ? 4 : 2)}`) : null,
    row.seconds !== null ? figure("Time", duration(row.seconds * 1000)) : null,
    data.outcome ? figure("Ended as", data.outcome) : null,
  );
}

function figure(name, value, more = null) {
  return html("div", {}, html("dt", {}, name), html("dd", {}, value, more ? html("span", { class: "more" }, more) : null));
}

function warnings(run) {
  const { data } = run;
  const said = [];
  if (data.crashed.length) {
    said.push(`${data.crashed.map((item) => item.detector).join(", ")} crashed, so what ${data.crashed.length === 1 ? "it looks" : "they look"} for may be in this run.`);
  }
  if (!data.complete) said.push("The record is still being written, or was cut off.");
  if (!data.steps) said.push("The steps are left out to keep this file small; analyze this trace alone to read them.");
  return said.map((text) => html("p", { class: "warning", role: "note" }, text));
}
