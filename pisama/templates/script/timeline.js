// The timeline: a lane for each agent, marks for steps, calls and issues; by step or by time, zoomed by scrolling it.

const FAR = 40;
const PAPER = 680;

class Timeline extends Drawing {
  /** `goTo(step)` shows a step, `choose(issue)` an issue, `filter(agent)` the steps of an agent. */
  constructor(run, { goTo, choose, filter }) {
    super(run);
    this.goTo = goTo;
    this.choose = choose;
    this.drawing = svg("svg", { class: "drawing", height: this.height, role: "img", "aria-label": this.inWords() });
    this.markers = svg("svg", { class: "markers", height: this.height, role: "group", "aria-label": "Issues in the timeline" });
    this.span = html("div", { class: "span" }, html("div", { class: "window" }, this.drawing, this.markers));
    this.tip = html("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.scroll = html("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Timeline, scrolled with the arrow keys" }, this.span);
    this.element = html(
      "section",
      { class: "timeline", "aria-label": "Timeline" },
      this.bar(),
      html("div", { class: "lanes" }, this.labels(filter), this.scroll),
      this.tip,
    );
    this.listen();
  }

  inWords() {
    const { row, agents } = this.run;
    return `${count(row.steps, "step")} of ${count(agents.length, "agent")}, ${count(row.calls, "call")}, ${row.failed} failed. The list of steps below has all of them.`;
  }

  bar() {
    const units = html("div", { class: "choice", role: "group", "aria-label": "Scale" }, this.unit("By step", false), this.unit("By time", true));
    const button = (label, name, act) => html("button", { type: "button", "aria-label": name, title: name, onclick: act }, label);
    return html(
      "div",
      { class: "bar" },
      html("h2", {}, "Timeline"),
      html("ul", { class: "legend", "aria-label": "Legend" }, ["words", "calls", "failed"].map((kind) => html("li", { class: kind }, kind === "failed" ? "failed call" : kind)), this.run.data.cause ? html("li", { class: "cause" }, causeName(this.run)) : null),
      this.run.timed ? units : null,
      html("div", { class: "choice", role: "group", "aria-label": "Zoom" }, button("−", "Zoom out (-)", () => this.zoom(0.5)), button("+", "Zoom in (+)", () => this.zoom(2)), button("Whole run", "The whole run (0)", () => this.zoom(0))),
    );
  }

  unit(label, byTime) {
    const choose = (event) => {
      this.byTime = byTime;
      for (const each of event.currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === event.currentTarget));
      this.draw();
    };
    return html("button", { type: "button", "aria-pressed": String(byTime === this.byTime), onclick: choose }, label);
  }

  labels(filter) {
    const top = html("span", { class: "label axis" }, "");
    const issues = this.run.issues.length ? html("span", { class: "label issues-label" }, "issues") : null;
    const lanes = this.lanes.map((name, lane) => {
      const alone = this.laneOf.filter((each) => each === lane).length === 1;
      return alone
        ? html("button", { type: "button", class: "label", title: `${name}: show only its steps`, onclick: () => filter(lane) }, html("bdi", {}, name))
        : html("span", { class: "label" }, name);
    });
    const tokens = this.longest ? html("span", { class: "label tokens-label", title: `at most ${this.longest.toLocaleString("en")} in a step` }, "tokens") : null;
    return html("div", { class: "labels" }, top, issues, lanes, tokens);
  }

  listen() {
    this.scroll.addEventListener("scroll", () => this.drawSoon());
    new ResizeObserver(() => this.draw()).observe(this.scroll);
    this.scroll.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - this.scroll.getBoundingClientRect().left);
    }, { passive: false });
    this.scroll.addEventListener("pointermove", (event) => this.point(event));
    this.scroll.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.scroll.addEventListener("click", (event) => {
      const step = this.stepAt(event);
      if (step) this.goTo(step.n);
    });
  }

  zoom(by, at = this.scroll.clientWidth / 2) {
    const width = this.scroll.clientWidth || 1;
    const most = Math.max(1, (this.run.steps.length * FAR) / width, this.byTime ? 64 : 1);
    const place = (this.scroll.scrollLeft + at) / (width * this.factor);
    this.factor = by === 0 ? 1 : Math.min(most, Math.max(1, this.factor * by));
    this.span.style.width = `${this.factor * 100}%`;
    this.scroll.scrollLeft = place * width * this.factor - at;
    this.draw();
  }

  /** Bring a step into view, as far as the zoom hides it. */
  reveal(n) {
    this.step = n;
    const reach = this.reach(this.run.positions.get(n) ?? 0);
    if (reach && this.factor > 1) {
      const x = (reach[0] / this.extent) * this.scroll.clientWidth * this.factor;
      if (x < this.scroll.scrollLeft || x > this.scroll.scrollLeft + this.scroll.clientWidth) this.scroll.scrollLeft = x - this.scroll.clientWidth / 2;
    }
    this.draw();
  }

  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** For print: the whole run, as wide as paper is. */
  drawForPaper() {
    this.zoom(0);
    this.draw(PAPER - this.element.querySelector(".labels").offsetWidth);
  }

  draw(width = this.scroll.clientWidth) {
    this.width = width;
    this.left = this.scroll.scrollLeft;
    if (!this.width) return;
    for (const each of [this.drawing, this.markers]) each.setAttribute("width", this.width);
    this.drawing.replaceChildren(...this.parts());
    this.markers.replaceChildren(...this.issueMarkers());
  }

  stepAt(event) {
    const box = this.scroll.getBoundingClientRect();
    const value = ((event.clientX - box.left + this.scroll.scrollLeft) / (this.width * this.factor)) * this.extent;
    if (!this.byTime) return this.run.steps[Math.floor(value)];
    const lane = Math.floor((event.clientY - box.top - this.firstLane) / LANE);
    let nearest = null;
    let distance = Infinity;
    for (const step of this.run.steps) {
      if (step.start === undefined || (lane >= 0 && lane < this.lanes.length && this.laneOf[step.agent] !== lane)) continue;
      const away = Math.max(step.start - value, value - this.endOf(step), 0);
      if (away < distance) [nearest, distance] = [step, away];
    }
    return nearest;
  }

  point(event) {
    const step = this.stepAt(event);
    this.tip.hidden = !step;
    if (!step) return;
    const took = this.run.took(step);
    const tokens = this.run.tokens(step);
    const gist = this.run.gist(step);
    const facts = [`step ${step.n}`, took === null ? null : duration(took), tokens ? count(tokens, "token") : null].filter(Boolean).join(" · ");
    this.tip.replaceChildren(html("b", {}, this.run.agent(step)), ` ${facts}`, html("div", {}, [gist.names, gist.said].filter(Boolean).join(": ")));
    const box = this.element.getBoundingClientRect();
    this.tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - this.tip.offsetWidth - 8)}px`;
    this.tip.style.top = `${event.clientY - box.top + 16}px`;
  }
}
