// The page: what is open, the bar above it, the address, the keyboard, the theme, and print.

const THEMES = ["auto", "light", "dark"];
const KEYS = [
  ["j, k", "next step, step before"],
  ["n, p", "next issue, issue before"],
  ["o", "open or close the step"],
  ["e", "open or close all steps"],
  ["/", "search; Enter and Shift+Enter go through what was found"],
  ["+, -, 0", "zoom in, zoom out, the whole run"],
  ["f", "the steps that are cited, or all"],
  ["u", "the overview, where there are several traces"],
  ["t", "light, dark, or as the system has it"],
  ["?", "this list"],
];

class Page {
  constructor(overview) {
    this.overview = overview;
    this.number = null;
    this.field = html("input", { type: "search", id: "search", placeholder: "Search", "aria-label": "Search", autocomplete: "off", spellcheck: "false" });
    this.found = html("span", { class: "hit-count", role: "status" });
    this.crumbs = html("nav", { "aria-label": "Place", class: "crumbs" });
    this.theme = html("button", { type: "button", class: "theme", onclick: () => this.nextTheme() });
    this.main = html("main", { id: "main" });
    this.help = this.helpDialog();
    document.body.append(
      html("a", { class: "skip", href: "#main" }, "Skip to the report"),
      html(
        "div",
        { class: "top", role: "banner" },
        this.crumbs,
        html("div", { class: "find", role: "search" }, this.field, this.found),
        this.theme,
        html("button", { type: "button", "aria-label": "Keys", title: "Keys (?)", onclick: () => this.help.showModal() }, "?"),
      ),
      this.main,
      this.help,
    );
    this.setTheme(memory.get("theme") || "auto");
    this.listen();
    this.follow();
  }

  listen() {
    addEventListener("hashchange", () => this.follow());
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    this.field.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.look(), 120);
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.nextHit(!event.shiftKey);
      if (event.key === "Escape") this.field.blur();
    });
  }

  /** Show what the address asks for: `#trace-2`, `#trace-2/step-14`, `#trace-2/issue-1`. */
  follow() {
    const [, trace, kind, place] = /^#trace-(\d+)(?:\/(step|issue)-(\d+))?$/.exec(location.hash) || [];
    const alone = this.overview.traces.length === 1;
    const number = trace ? Number(trace) - 1 : alone ? 0 : null;
    if (number === null || !this.overview.traces[number]) return location.hash === "#main" ? null : this.openOverview();
    if (number !== this.number) this.openRun(number);
    if (kind === "step") this.goTo(Number(place));
    if (kind === "issue" && this.run.issues[Number(place) - 1]) this.choose(Number(place) - 1, true);
    return null;
  }

  remember(place) {
    history.replaceState(null, "", `#trace-${this.number + 1}${place}`);
  }

  show(element, title) {
    document.title = title;
    this.main.replaceChildren(element);
    this.field.value = "";
    this.found.textContent = "";
    scrollTo(0, 0);
    const back = this.overview.traces.length > 1 && this.number !== null;
    this.crumbs.replaceChildren(
      back ? html("a", { href: "#" }, "All traces") : html("b", {}, "pisama"),
      ...(this.number === null ? [] : [html("span", { class: "soft", dir: "auto" }, runName(this.overview.traces[this.number]))]),
    );
  }

  openOverview() {
    this.number = null;
    this.run = null;
    this.list = new Overview(this.overview);
    this.show(this.list.element, `${count(this.overview.traces.length, "trace")} · pisama`);
  }

  openRun(number) {
    this.number = number;
    this.list = null;
    const run = openRun(this.overview, number);
    this.run = run;
    this.search = new Search(run);
    const goTo = (step) => this.goTo(step);
    const choose = (issue) => this.choose(issue, true);
    this.steps = new StepList(run, this.search, { choose, changed: () => this.redrawTimeline() });
    this.timeline = run.steps.length ? new Timeline(run, { goTo, choose, filter: (agent) => this.filterAgent(agent) }) : null;
    this.issue = null;
    this.column = issueColumn(run, choose, (step, issue) => this.showEvidence(step, issue));
    const unread = this.overview.traces.length === 1 ? new Overview(this.overview) : null;
    this.show(
      html(
        "article",
        { class: "run" },
        unread ? [unread.unread(), unread.stale()] : null,
        runHead(run, goTo),
        html("div", { class: "columns" }, this.column, html("div", { class: "wide" }, this.timeline?.element, this.steps.element)),
      ),
      `${capital(run.row.verdict)}: ${runName(run.row)} · pisama`,
    );
    if (run.issues.length) this.choose(0, false);
  }

  /** Select an issue: its evidence is marked and, when `move`, shown. */
  choose(number, move) {
    this.issue = number;
    this.column.querySelectorAll(".card").forEach((card, at) => {
      card.classList.toggle("chosen", at === number);
      card.querySelector(".choose").setAttribute("aria-pressed", String(at === number));
    });
    this.steps.showIssue(number);
    this.redrawTimeline();
    if (!move) return;
    const issue = this.run.issues[number];
    this.remember(`/issue-${number + 1}`);
    const at = issue.evidence.findIndex((item) => this.run.positions.has(item.step));
    if (at >= 0) this.showEvidence(issue.evidence[at].step, number);
    this.column.querySelectorAll(".card")[number].scrollIntoView({ block: "nearest" });
  }

  showEvidence(step, issue) {
    if (this.issue !== issue) this.choose(issue, false);
    this.timeline?.reveal(step);
    this.steps.reveal(step, { mark: "mark.evidence, .callout, .call.cited" });
  }

  goTo(step) {
    this.remember(`/step-${step}`);
    this.timeline?.reveal(step);
    this.steps.reveal(step);
  }

  filterAgent(agent) {
    this.steps.filter({ agent: this.steps.agent === agent ? null : agent });
  }

  redrawTimeline() {
    if (!this.timeline) return;
    this.timeline.issue = this.issue;
    this.timeline.hits = this.search.found;
    this.timeline.shows = (step) => this.steps.shows(step);
    this.timeline.draw();
  }

  look() {
    const words = this.field.value;
    if (this.list) {
      const rows = this.list.look(words);
      this.found.textContent = words.trim() ? count(rows, "trace") : "";
      return;
    }
    this.search.look(words);
    this.found.textContent = words.trim() ? count(this.search.hits.length, "step") : "";
    if (this.steps.kind === "found") this.steps.refilter();
    else this.steps.refresh();
    this.redrawTimeline();
  }

  nextHit(forward) {
    if (!this.search || this.list) return;
    if (this.search.words !== this.field.value.trim().toLowerCase()) this.look();
    const step = this.search.move(forward);
    if (step === null) return;
    this.found.textContent = `${(this.search.at + 1).toLocaleString("en")} of ${count(this.search.hits.length, "step")}`;
    this.timeline?.reveal(step);
    this.steps.reveal(step, { mark: "mark.hit", focus: false });
  }

  key(event) {
    const typing = /^(input|select|textarea)$/i.test(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const act = this.keys()[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  keys() {
    const everywhere = { "?": () => this.help.showModal(), "/": () => this.field.select(), t: () => this.nextTheme(), u: () => this.upward() };
    if (!this.run) return everywhere;
    return {
      ...everywhere,
      j: () => this.stepBy(1),
      k: () => this.stepBy(-1),
      n: () => this.issueBy(1),
      p: () => this.issueBy(-1),
      o: () => this.toggleHere(),
      e: () => this.steps.toggleAll(),
      f: () => this.steps.filter({ kind: this.steps.kind === "issues" ? "all" : "issues" }),
      "+": () => this.timeline?.zoom(2),
      "=": () => this.timeline?.zoom(2),
      "-": () => this.timeline?.zoom(0.5),
      0: () => this.timeline?.zoom(0),
    };
  }

  upward() {
    if (this.overview.traces.length > 1) location.hash = "";
  }

  stepBy(by) {
    const step = this.steps.neighbour(by);
    if (step === null) return;
    this.remember(`/step-${step}`);
    this.timeline?.reveal(step);
    this.steps.reveal(step, { open: false });
  }

  issueBy(by) {
    const { length } = this.run.issues;
    if (length) this.choose((this.issue + by + length) % length, true);
  }

  toggleHere() {
    const step = this.run.steps[this.run.positions.get(this.steps.state.current)];
    if (step && this.steps.views.has(step.n)) this.steps.toggle(step);
  }

  nextTheme() {
    this.setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
  }

  setTheme(theme) {
    const known = THEMES.includes(theme) ? theme : "auto";
    document.documentElement.dataset.theme = known;
    memory.set("theme", known);
    this.theme.replaceChildren(capital(known));
    this.theme.setAttribute("aria-label", `Theme: ${capital(known)}`);
    this.theme.title = "Light, dark, or as the system has it (t)";
  }

  /** For print everything that matters is open; what the page looked like comes back afterwards. */
  print(begins) {
    if (this.run) {
      if (begins) {
        this.closed = [...this.main.querySelectorAll("details:not([open])")];
        this.closed.forEach((each) => { each.open = true; });
        this.timeline?.drawForPaper();
        this.steps.expand();
      } else {
        this.closed?.forEach((each) => { each.open = false; });
        this.timeline?.draw();
        this.steps.restore();
      }
      return;
    }
    this.main.querySelectorAll(".printed").forEach((each) => each.remove());
    if (begins) {
      const worth = this.overview.traces.map((row, number) => ({ row, number })).filter(({ row }) => row.worst || row.crashed);
      const runs = worth.slice(0, 100).map(({ number }) => openRun(this.overview, number));
      this.main.append(...runs.map((run) => html("article", { class: "run printed" }, runHead(run, () => {}), issueColumn(run, () => {}, () => {}))));
    }
  }

  helpDialog() {
    const rows = KEYS.map(([keys, does]) => html("div", {}, html("dt", {}, keys.split(", ").map((key, at) => [at ? " " : "", html("kbd", {}, key)])), html("dd", {}, does)));
    return html(
      "dialog",
      { "aria-labelledby": "help-title", class: "help" },
      html("h2", { id: "help-title" }, "Keys"),
      html("dl", {}, rows),
      html("p", { class: "soft" }, "In the timeline, Ctrl and the wheel zoom; a click on an agent shows only its steps."),
      html("form", { method: "dialog" }, html("button", {}, "Close")),
    );
  }
}

new Page(JSON.parse(document.getElementById("overview").textContent));
