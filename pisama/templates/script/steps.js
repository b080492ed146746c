// The list of steps. Long runs are drawn in blocks, only those near the window, so that ten thousand open at once.

const BLOCK = 40;
const CLOSED = 37;
const ALL_OPEN = 60;
const DRAWN = 400;
const WHOLE_PRINT = 150;
const KINDS = [
  ["all", "All"],
  ["calls", "Calls"],
  ["failed", "Failed"],
  ["issues", "Issues"],
  ["found", "Found"],
];

class StepList {
  /** `choose(number)` selects an issue; `changed()` is told when the filter changes. */
  constructor(run, search, { choose, changed }) {
    this.run = run;
    this.changed = changed;
    this.cited = run.cited();
    this.opened = new Map();
    this.openAll = run.steps.length <= ALL_OPEN;
    this.kind = "all";
    this.agent = null;
    this.state = {
      run,
      search,
      choose,
      folds: new Set(),
      evidence: new Map(),
      issue: null,
      current: null,
      printed: false,
      isOpen: (step) => this.state.printed || (this.opened.get(step.n) ?? (this.openAll || this.cited.has(step.n))),
      toggle: (step) => this.toggle(step),
    };
    this.views = new Map();
    this.list = html("div", { class: "list", role: "feed", "aria-label": "Steps" });
    this.status = html("span", { class: "soft", role: "status" });
    this.element = html("section", { class: "steps", id: "steps", "aria-labelledby": "steps-title" }, this.bar(), this.list);
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "1200px 0px" });
    this.refilter();
  }

  bar() {
    this.kindButtons = KINDS.map(([kind, label]) => html("button", { type: "button", "data-kind": kind, "aria-pressed": String(kind === this.kind), onclick: () => this.filter({ kind }) }, label));
    const options = this.run.agents.map((agent, number) => html("option", { value: number }, agent));
    this.agents = html("select", { "aria-label": "Agent", onchange: () => this.filter({ agent: this.agents.value === "" ? null : Number(this.agents.value) }) }, html("option", { value: "" }, "All agents"), options);
    this.allButton = html("button", { type: "button", class: "all", onclick: () => this.toggleAll() }, this.openAll ? "Close all" : "Open all");
    return html(
      "div",
      { class: "bar" },
      html("h2", { id: "steps-title" }, "Steps"),
      this.status,
      html("div", { class: "choice kinds", role: "group", "aria-label": "Which steps" }, this.kindButtons),
      this.run.agents.length > 1 ? this.agents : null,
      this.allButton,
    );
  }

  filter({ kind = this.kind, agent = this.agent }) {
    this.kind = kind;
    this.agent = agent;
    this.agents.value = agent === null ? "" : String(agent);
    for (const button of this.kindButtons) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    this.refilter();
    this.changed();
  }

  shows(step) {
    if (this.agent !== null && step.agent !== this.agent) return false;
    if (this.kind === "calls") return this.run.calls(step).length > 0;
    if (this.kind === "failed") return this.run.failed(step);
    if (this.kind === "issues") return this.cited.has(step.n);
    return this.kind === "all" || this.state.search.found.has(step.n);
  }

  refilter() {
    this.shown = this.run.steps.filter((step) => this.shows(step));
    const all = this.run.steps.length;
    this.status.textContent = this.shown.length === all ? count(all, "step") : `${this.shown.length.toLocaleString("en")} of ${count(all, "step")}`;
    this.layOut();
  }

  layOut() {
    this.watcher.disconnect();
    this.views.clear();
    this.blocks = [];
    for (let from = 0; from < this.shown.length; from += BLOCK) {
      const element = html("div", { class: "block" });
      const block = { element, steps: this.shown.slice(from, from + BLOCK), filled: false };
      block.height = block.steps.reduce((sum, step) => sum + (this.state.isOpen(step) ? 180 : CLOSED), 0);
      element.style.height = `${block.height}px`;
      this.blocks.push(block);
    }
    this.blockOf = new Map(this.blocks.map((block) => [block.element, block]));
    this.list.replaceChildren(...(this.blocks.length ? this.blocks.map((block) => block.element) : [html("p", { class: "soft none" }, this.nothing())]));
    // A run that is not long is drawn whole, so that the browser's own search finds everything that is open.
    const whole = this.shown.length <= DRAWN;
    this.blocks.slice(0, whole ? this.blocks.length : 1).forEach((block) => this.fill(block));
    if (!whole) this.blocks.forEach((block) => this.watcher.observe(block.element));
  }

  nothing() {
    if (!this.run.data.steps) return "The steps are left out to keep this file small. Analyze this trace alone to read them.";
    if (!this.run.steps.length) return "The trace has no steps.";
    return this.kind === "found" && !this.state.search.words ? "Search for something first." : "No step is like that.";
  }

  seen(entries) {
    for (const entry of entries) {
      const block = this.blockOf.get(entry.target);
      if (!block) continue;
      if (entry.isIntersecting) this.fill(block);
      else this.empty(block);
    }
  }

  fill(block) {
    if (block.filled) return;
    block.filled = true;
    const views = block.steps.map((step) => new StepView(step, this.state));
    views.forEach((view) => this.views.set(view.step.n, view));
    block.element.replaceChildren(...views.map((view) => view.element));
    block.element.style.height = "";
  }

  empty(block) {
    if (!block.filled || block.element.contains(document.activeElement)) return;
    block.element.style.height = `${block.element.offsetHeight}px`;
    block.filled = false;
    block.steps.forEach((step) => this.views.delete(step.n));
    block.element.replaceChildren();
  }

  toggle(step) {
    this.opened.set(step.n, !this.state.isOpen(step));
    const view = this.views.get(step.n);
    view.render();
    view.element.querySelector(".toggle").focus({ preventScroll: true });
  }

  toggleAll() {
    this.openAll = this.allButton.textContent === "Open all";
    this.allButton.textContent = this.openAll ? "Close all" : "Open all";
    this.opened.clear();
    if (!this.openAll) this.run.steps.forEach((step) => this.opened.set(step.n, false));
    this.layOut();
  }

  /** Draw again what is drawn, after the search, the issue or the step has changed. */
  refresh(steps = null) {
    for (const [n, view] of this.views) if (!steps || steps.has(n)) view.render();
  }

  /** Mark the evidence of an issue; null marks none. */
  showIssue(number) {
    const before = new Set(this.state.evidence.keys());
    this.state.issue = number;
    this.state.evidence = number === null ? new Map() : this.run.evidence(this.run.issues[number]);
    this.refresh(new Set([...before, ...this.state.evidence.keys()]));
  }

  /** Show a step, open; `mark` says what in it shall be in the middle of the window. */
  reveal(n, { mark = null, focus = true, open = true } = {}) {
    const step = this.run.steps[this.run.positions.get(n)];
    if (!step) return;
    if (!this.shown.includes(step)) this.filter({ kind: "all", agent: null });
    const at = this.blocks.findIndex((block) => block.steps.includes(step));
    this.blocks.slice(Math.max(0, at - 1), at + 2).forEach((block) => this.fill(block));
    const before = this.state.current;
    this.state.current = n;
    if (open) this.opened.set(n, true);
    this.refresh(new Set([before, n]));
    const { element } = this.views.get(n);
    const target = (mark && element.querySelector(mark)) || element;
    target.scrollIntoView({ block: target === element && element.offsetHeight > innerHeight / 2 ? "start" : "center" });
    if (focus) element.focus({ preventScroll: true });
  }

  /** The step after the current one, or before it, among those shown. */
  neighbour(by) {
    if (!this.shown.length) return null;
    const at = this.shown.findIndex((step) => step.n === this.state.current);
    const next = at < 0 ? (by > 0 ? 0 : this.shown.length - 1) : at + by;
    return this.shown[Math.min(this.shown.length - 1, Math.max(0, next))].n;
  }

  /** For print: all steps of a short run; of a long one those that are cited, each with its neighbours. */
  expand() {
    this.watcher.disconnect();
    this.state.printed = true;
    const steps = this.run.steps.length <= WHOLE_PRINT ? this.run.steps : this.run.steps.filter((_, at) => [at - 1, at, at + 1].some((near) => this.cited.has(this.run.steps[near]?.n)));
    const left = this.run.steps.length - steps.length;
    this.list.replaceChildren(
      ...steps.map((step) => new StepView(step, this.state).element),
      ...(left ? [html("p", { class: "soft" }, `${count(left, "step is", "steps are")} not printed: those that no issue cites, and that stand beside none.`)] : []),
    );
  }

  /** After print. */
  restore() {
    this.state.printed = false;
    this.layOut();
  }
}
