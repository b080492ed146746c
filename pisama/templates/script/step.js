// One step: a line that says what it is, and all of it when it is open.

const ROLES = { user: "User", system: "System", assistant: "Other agent", tool: "Result" };

class StepView {
  /**
   * `state` is what the whole list shares: the run, which steps and texts are open, the words searched for, the
   * evidence of the chosen issue by step, and what happens when a step or an issue is chosen.
   */
  constructor(step, state) {
    this.step = step;
    this.state = state;
    this.run = state.run;
    this.element = html("article", { class: "step", id: `step-${step.n}`, tabindex: -1, "data-step": step.n });
    this.render();
  }

  get open() {
    return this.state.isOpen(this.step);
  }

  render() {
    const { step, state } = this;
    this.evidence = state.evidence.get(step.n) || [];
    const kinds = { failed: this.run.failed(step), cited: this.evidence.length > 0, here: state.current === step.n, found: state.search.found.has(step.n) };
    this.element.className = ["step", ...Object.keys(kinds).filter((kind) => kinds[kind])].join(" ");
    const level = this.evidence.length && state.issue !== null ? this.run.issues[state.issue].level : null;
    if (level) this.element.dataset.level = level;
    else delete this.element.dataset.level;
    this.element.setAttribute("aria-posinset", String(this.run.positions.get(step.n) + 1));
    this.element.setAttribute("aria-setsize", String(this.run.steps.length));
    this.element.setAttribute("aria-label", `Step ${step.n}, ${this.run.agent(step)}`);
    this.element.replaceChildren(this.head(), ...(this.open ? [this.body()] : []));
  }

  head() {
    const { step, run, state } = this;
    const { said, names } = run.gist(step);
    const took = run.took(step);
    const tokens = run.tokens(step);
    const issues = (run.issuesByStep.get(step.n) || []).map((number) => this.badge(number));
    const isCause = run.data.cause && run.data.cause.step === step.n;
    return html(
      "header",
      {},
      html(
        "h3",
        {},
        html(
          "button",
          { type: "button", class: "toggle", "aria-expanded": String(this.open), onclick: () => state.toggle(step) },
          html("span", { class: "n" }, String(step.n)),
          html("span", { class: "who" }, html("bdi", {}, run.agent(step))),
          step.to ? html("span", { class: "to" }, "→ ", html("bdi", {}, step.to)) : null,
          this.open ? null : html("span", { class: "gist", dir: "auto" }, names ? html("code", {}, names) : null, names && said ? " " : null, said),
        ),
      ),
      html(
        "span",
        { class: "badges" },
        run.failed(step) ? html("span", { class: "flag" }, step.error !== undefined && !run.calls(step).some((call) => call.failed) ? "error" : "failed call") : null,
        isCause ? html("span", { class: "flag cause" }, causeName(run)) : null,
        issues,
        tokens ? html("span", { class: "figure", title: `${count(step.input || 0, "token")} in, ${(step.output || 0).toLocaleString("en")} out` }, `${tokens.toLocaleString("en")} tok`) : null,
        took === null ? null : html("span", { class: "figure" }, duration(took)),
      ),
    );
  }

  badge(number) {
    const issue = this.run.issues[number];
    const name = `Issue ${number + 1}: ${issue.level} ${issue.type}`;
    return html("button", { type: "button", class: `number ${issue.level}`, "aria-label": name, title: name, onclick: () => this.state.choose(number) }, String(number + 1));
  }

  body() {
    const { step, run } = this;
    const loose = this.evidence.filter((item) => item.key === null);
    return html(
      "div",
      { class: "body" },
      loose.map((item) => html("p", { class: "callout" }, html("span", { class: "label" }, `Evidence ${item.number + 1}`), html("q", { dir: "auto" }, item.quote), item.note ? html("span", { class: "note" }, item.note) : null)),
      step.earlier ? html("p", { class: "meta" }, `${count(step.earlier, "message")} before these not shown`) : null,
      (step.seen || []).map((message, number) => this.part(`given ${message.role}`, this.giver(message), `seen ${number}`, run.text(message.text), message.role === "tool")),
      this.part("reasoning", "Reasoning", "reasoning", run.text(step.reasoning)),
      this.part("said", "Said", "text", run.text(step.text)),
      this.part("error", "Model call failed", "error", run.text(step.error)),
      run.calls(step).map((call, number) => this.call(call, number)),
      html("p", { class: "meta" }, this.facts()),
    );
  }

  giver(message) {
    if (!message.name) return ROLES[message.role];
    if (message.role === "assistant") return message.name;
    return message.role === "tool" ? `Result of ${message.name}` : `${ROLES[message.role]} ${message.name}`;
  }

  part(kind, label, key, text, code = false) {
    if (!text) return null;
    return html("div", { class: `part ${kind}` }, html("span", { class: "label" }, label, this.notes(key)), this.passage(key, text, code));
  }

  passage(key, text, code) {
    const { state, step } = this;
    const proofs = this.evidence.filter((item) => item.key === key);
    const ranges = proofs.map((item) => ({ ...item.range, kind: "evidence", title: item.note ? `Evidence: ${item.note}` : "Evidence" }));
    ranges.push(...occurrences(text, state.search.words));
    return passage(text, { key: `${step.n} ${key}`, folds: state.folds, ranges, code, printed: state.printed });
  }

  notes(key) {
    return this.evidence.filter((item) => item.key === key).map((item) => html("span", { class: "proof" }, `evidence ${item.number + 1}${item.note ? `: ${item.note}` : ""}`));
  }

  call(call, number) {
    const { run } = this;
    const result = run.text(call.result);
    const error = run.text(call.error);
    const status = call.failed ? "failed" : result || call.result !== undefined ? "" : error ? "failed" : "no result recorded";
    const took = call.start !== undefined && call.end !== undefined ? duration(call.end - call.start) : null;
    const cited = this.evidence.some((item) => item.call === number);
    const given = (call.arguments || []).map(([name, text], place) => [html("dt", {}, name), html("dd", {}, this.passage(`call ${number} argument ${place}`, run.text(text), true))]);
    return html(
      "div",
      { class: `call${call.failed ? " failed" : ""}${cited ? " cited" : ""}` },
      html("p", { class: "called" }, html("code", {}, call.name), status ? html("span", { class: "flag" }, status) : null, took ? html("span", { class: "figure" }, took) : null, call.span ? html("span", { class: "figure" }, `span ${call.span}`) : null),
      given.length ? html("dl", { class: "arguments" }, given) : null,
      error ? html("div", { class: "result error" }, html("span", { class: "label" }, "Error", this.notes(`call ${number} error`)), this.passage(`call ${number} error`, error, true)) : null,
      result ? html("div", { class: "result" }, html("span", { class: "label" }, "Result", this.notes(`call ${number} result`)), this.passage(`call ${number} result`, result, true)) : null,
    );
  }

  facts() {
    const { step } = this;
    const tokens = this.run.tokens(step);
    return [
      step.model,
      tokens ? `${count(step.input || 0, "token")} in${step.cached ? ` (${step.cached.toLocaleString("en")} cached)` : ""}, ${(step.output || 0).toLocaleString("en")} out` : null,
      step.cost ? `$${step.cost.toFixed(4)}` : null,
      step.start === undefined ? null : `at ${duration(step.start)}`,
      step.finish ? `finish: ${step.finish}` : null,
      step.parent === undefined ? null : `delegated at step ${step.parent}`,
      step.span ? `span ${step.span}` : null,
      step.at,
    ].filter(Boolean).join(" · ");
  }
}
