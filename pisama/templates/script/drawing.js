// What the timeline draws: the axis, a lane for each agent with its marks, tokens, and markers of issues.

const LANES = 10;
const AXIS = 22;
const ISSUES = 26;
const LANE = 22;
const TOKENS = 34;
const MARK = 12;
const NARROW = 5;
const NEAR = 20;
const WIDEST = 44;
const RANKS = ["words", "calls", "failed"];

/** The part of a run that is in view, as SVG. What is drawn depends on the fields that `Timeline` sets. */
class Drawing {
  constructor(run) {
    this.run = run;
    this.byTime = false;
    this.factor = 1;
    this.step = null;
    this.issue = null;
    this.hits = new Set();
    this.shows = () => true;
    this.width = 0;
    this.left = 0;
    this.choose = () => {};
    this.longest = run.steps.reduce((most, step) => Math.max(most, run.tokens(step)), 0);
    this.extentOfTime = run.steps.reduce((most, step) => Math.max(most, this.endOf(step)), 0) || 1;
    this.lanes = this.laneNames();
    this.firstLane = AXIS + (run.issues.length ? ISSUES : 0);
    this.height = this.firstLane + this.lanes.length * LANE + (this.longest ? TOKENS : 6);
  }

  laneNames() {
    const { agents } = this.run;
    const alone = agents.length <= LANES ? agents.length : LANES - 1;
    this.laneOf = agents.map((_, agent) => Math.min(agent, alone));
    const names = agents.slice(0, alone);
    return alone < agents.length ? [...names, `${agents.length - alone} others`] : names;
  }

  get extent() {
    return this.byTime ? this.extentOfTime : Math.max(1, this.run.steps.length, this.width / WIDEST);
  }

  endOf(step) {
    const took = this.run.took(step);
    return step.start === undefined ? 0 : step.start + (took || 0);
  }

  /** Where a step begins and ends on the axis; null where it has no time. */
  reach(position) {
    if (!this.byTime) return [position, position + 1];
    const step = this.run.steps[position];
    return step.start === undefined ? null : [step.start, this.endOf(step)];
  }

  x(value) {
    return (value / this.extent) * this.width * this.factor - this.left;
  }

  parts() {
    return [this.axis(), this.rails(), this.evidence(), this.marks(), this.tokenBars(), this.ticks(), this.places()].flat();
  }

  axis() {
    const wanted = Math.max(2, Math.floor(this.width / 110));
    const shown = this.extent / this.factor;
    const unit = niceUnit(shown / wanted, this.byTime);
    const from = Math.ceil((this.left / (this.width * this.factor)) * this.extent / unit) * unit;
    const parts = [];
    for (let value = from; value <= this.extent && this.x(value) < this.width - 30; value += unit) {
      const label = this.byTime ? duration(value) : this.run.steps[value]?.n;
      if (label === undefined) continue;
      const x = Math.round(this.x(value)) + 0.5;
      parts.push(svg("path", { class: "grid", d: `M${x} ${AXIS - 6}V${this.height}` }), svg("text", { class: "tick", x: x + 3, y: 12 }, label));
    }
    return parts;
  }

  rails() {
    return this.lanes.map((_, lane) => svg("path", { class: "rail", d: `M0 ${this.middle(lane)}H${this.width}` }));
  }

  middle(lane) {
    return this.firstLane + lane * LANE + LANE / 2 + 0.5;
  }

  /** Marks of all steps in view, a path for each kind. Where several share a pixel, the worst is drawn. */
  marks() {
    const paths = { words: [], calls: [], failed: [], dimmed: [] };
    const drawn = new Map();
    for (const position of this.inView()) {
      const reach = this.reach(position);
      if (!reach) continue;
      const step = this.run.steps[position];
      const rank = this.run.failed(step) ? 2 : this.run.calls(step).length ? 1 : 0;
      const start = this.x(reach[0]);
      const width = Math.max(this.byTime ? 2.5 : 2, this.x(reach[1]) - start - (this.x(reach[1]) - start > NARROW ? 1.5 : 0));
      const lane = this.laneOf[step.agent];
      const kind = this.shows(step) ? RANKS[rank] : "dimmed";
      const key = `${lane} ${Math.round(start)} ${Math.round(width)}`;
      if ((drawn.get(key) ?? -1) >= rank) continue;
      drawn.set(key, rank);
      const top = this.middle(lane) - MARK / 2;
      paths[kind].push(`M${start.toFixed(1)} ${top}h${width.toFixed(1)}v${MARK}h${(-width).toFixed(1)}z`);
    }
    return Object.entries(paths).filter(([, d]) => d.length).map(([kind, d]) => svg("path", { class: `mark ${kind}`, d: d.join("") }));
  }

  *inView() {
    const { length } = this.run.steps;
    const each = (this.width * this.factor) / this.extent;
    const first = this.byTime ? 0 : Math.max(0, Math.floor(this.left / each) - 1);
    const last = this.byTime ? length : Math.min(length, Math.ceil((this.left + this.width) / each) + 1);
    for (let position = first; position < last; position += 1) yield position;
  }

  tokenBars() {
    if (!this.longest) return [];
    const bottom = this.height - 4;
    const columns = new Map();
    for (const position of this.inView()) {
      const reach = this.reach(position);
      if (!reach) continue;
      const step = this.run.steps[position];
      const x = Math.round(this.x(reach[0]));
      const width = this.byTime ? 2 : Math.max(1, Math.floor(this.x(reach[1]) - this.x(reach[0])) - 1);
      const column = columns.get(x) || { width, most: 0, output: 0 };
      column.most = Math.max(column.most, this.run.tokens(step));
      column.output = Math.max(column.output, step.output || 0);
      columns.set(x, column);
    }
    const bars = (of) => [...columns].map(([x, column]) => {
      const height = (column[of] / this.longest) * (TOKENS - 10);
      return height ? `M${x} ${bottom}h${column.width}v${(-Math.max(1, height)).toFixed(1)}h${-column.width}z` : "";
    }).join("");
    return [svg("path", { class: "tokens", d: bars("most") }), svg("path", { class: "tokens output", d: bars("output") })];
  }

  ticks() {
    const d = [...this.hits].map((n) => this.reach(this.run.positions.get(n))).filter(Boolean).map((reach) => `M${this.x(reach[0]).toFixed(1)} ${AXIS - 7}v6`);
    return d.length ? [svg("path", { class: "hits", d: d.join("") })] : [];
  }

  /** Lines through the steps that the evidence of the chosen issue names. */
  evidence() {
    const issue = this.run.issues[this.issue];
    if (!issue) return [];
    const steps = new Set(issue.evidence.map((item) => item.step));
    return [...steps].map((n) => this.box(n)).filter(Boolean).map(({ x, width }) =>
      svg("rect", { class: `cited ${issue.level}`, x, y: AXIS, width, height: this.height - AXIS }));
  }

  /** The step where the reader is, and the one that most likely holds the cause. */
  places() {
    const parts = [];
    const around = (n, kind) => {
      const box = this.box(n);
      if (!box) return;
      const lane = this.laneOf[this.run.steps[this.run.positions.get(n)].agent];
      parts.push(svg("rect", { class: kind, x: box.x - 2, y: this.middle(lane) - MARK / 2 - 3, width: box.width + 4, height: MARK + 6, rx: 3 }));
    };
    if (this.run.data.cause) around(this.run.data.cause.step, "cause");
    const here = this.step === null ? null : this.box(this.step);
    if (here) parts.push(svg("path", { class: "here", d: `M${here.x + here.width / 2} ${AXIS - 6}V${this.height}` }));
    return parts;
  }

  box(n) {
    const position = this.run.positions.get(n);
    const reach = position === undefined ? null : this.reach(position);
    if (!reach) return null;
    const x = this.x(reach[0]);
    const width = Math.max(3, this.x(reach[1]) - x - 1.5);
    return x > this.width || x + width < 0 ? null : { x, width };
  }

  /** A marker for each issue; those too near to each other share one, and a click goes through them. */
  issueMarkers() {
    const placed = this.run.issues
      .map((issue, number) => ({ issue, number, box: issue.step === null ? null : this.box(issue.step) }))
      .filter(({ box }) => box)
      .sort((one, other) => one.box.x - other.box.x);
    const groups = [];
    for (const each of placed) {
      const x = Math.min(this.width - 10, Math.max(10, each.box.x + each.box.width / 2));
      const last = groups[groups.length - 1];
      if (last && x - last.x < NEAR) last.issues.push(each);
      else groups.push({ x, issues: [each] });
    }
    return groups.map(({ x, issues }) => this.marker(x, issues.sort((one, other) => one.number - other.number)));
  }

  marker(x, issues) {
    const [{ issue, number }] = issues;
    const names = issues.map((each) => `issue ${each.number + 1}, ${each.issue.level} ${each.issue.type} at step ${each.issue.step}`).join("; ");
    const chosen = issues.some((each) => each.number === this.issue);
    const act = (event) => {
      event.stopPropagation();
      const at = issues.findIndex((each) => each.number === this.issue);
      this.choose(issues[(at + 1) % issues.length].number);
    };
    const label = issues.length > 1 ? `${number + 1}+` : String(number + 1);
    return svg(
      "g",
      { class: `marker ${issue.level}${chosen ? " chosen" : ""}`, role: "button", tabindex: 0, "aria-label": capital(names), onclick: act, onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), act(event)) },
      svg("title", {}, capital(names)),
      svg("circle", { cx: x, cy: AXIS + ISSUES / 2, r: 9 }),
      svg("text", { x, y: AXIS + ISSUES / 2 + 4 }, label),
    );
  }
}

/** A round distance between two ticks, at least `least`. */
function niceUnit(least, byTime) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440].map((each) => each * 60000);
  const known = byTime && least > 30000 ? minutes.find((each) => each >= least) : undefined;
  if (known) return known;
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least) || 1;
}
