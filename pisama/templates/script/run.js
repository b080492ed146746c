// One run as the page needs it: its texts in place, and what is asked of its steps.

const NO_TEXT = "";

class Run {
  constructor(row, data) {
    this.row = row;
    this.data = data;
    this.issues = data.issues;
    this.agents = data.agents;
    this.steps = data.steps || [];
    this.positions = new Map(this.steps.map((step, position) => [step.n, position]));
    this.issuesByStep = new Map();
    this.issues.forEach((issue, number) => {
      if (issue.step === null) return;
      if (!this.issuesByStep.has(issue.step)) this.issuesByStep.set(issue.step, []);
      this.issuesByStep.get(issue.step).push(number);
    });
    this.timed = this.steps.length > 1 && this.steps.filter((step) => step.start !== undefined).length > this.steps.length / 2;
  }

  text(number) {
    return number === undefined || number === null ? NO_TEXT : this.data.texts[number];
  }

  agent(step) {
    return this.agents[step.agent];
  }

  calls(step) {
    return step.calls || [];
  }

  failed(step) {
    return step.error !== undefined || this.calls(step).some((call) => call.failed);
  }

  tokens(step) {
    return (step.input || 0) + (step.output || 0);
  }

  /** How long a step took, with its calls, in milliseconds; null where that is not recorded. */
  took(step) {
    const ends = [step.end, ...this.calls(step).map((call) => call.end)].filter((end) => end !== undefined);
    return step.start === undefined || !ends.length ? null : Math.max(...ends) - step.start;
  }

  /** Every text of a step with a key that names its place, in the order in which they are shown. */
  *texts(step) {
    for (const [number, message] of (step.seen || []).entries()) yield [`seen ${number}`, this.text(message.text)];
    yield ["reasoning", this.text(step.reasoning)];
    yield ["text", this.text(step.text)];
    yield ["error", this.text(step.error)];
    for (const [number, call] of this.calls(step).entries()) {
      for (const [place, [, text]] of (call.arguments || []).entries()) yield [`call ${number} argument ${place}`, this.text(text)];
      yield [`call ${number} result`, this.text(call.result)];
      yield [`call ${number} error`, this.text(call.error)];
    }
  }

  /** What a step is about, in a line. */
  gist(step) {
    const said = firstWords(this.text(step.text), 160) || firstWords(this.text(step.reasoning), 160);
    const called = this.calls(step).map((call) => call.name);
    const names = called.length > 3 ? `${called.slice(0, 3).join(", ")} and ${called.length - 3} more` : called.join(", ");
    return { said: said || (step.error === undefined ? NO_TEXT : firstWords(this.text(step.error), 160)), names };
  }

  /** Steps in which something is shown or suspected, by number: those of the evidence and of the cause. */
  cited() {
    const steps = new Set(this.issues.flatMap((issue) => issue.evidence.map((item) => item.step)));
    this.issues.forEach((issue) => steps.add(issue.step));
    if (this.data.cause) steps.add(this.data.cause.step);
    steps.delete(null);
    return steps;
  }

  /** Where the evidence of an issue stands: for each step it names, the pieces with the text they are in. */
  evidence(issue) {
    const found = new Map();
    issue.evidence.forEach((item, number) => {
      const step = this.steps[this.positions.get(item.step)];
      if (!step) return;
      if (!found.has(item.step)) found.set(item.step, []);
      found.get(item.step).push({ ...item, number, ...this.place(step, item) });
    });
    return found;
  }

  place(step, item) {
    const own = `call ${item.call} `;
    const texts = [...this.texts(step)];
    const rank = ([key]) => (item.call !== null ? !key.startsWith(own) : key.startsWith("seen"));
    texts.sort((one, other) => rank(one) - rank(other));
    for (const [key, text] of texts) {
      const range = text && locate(text, item.quote);
      if (range) return { key, range };
    }
    return { key: null, range: null };
  }
}

/** The run of a trace, read when it is first asked for. */
function openRun(overview, number) {
  const block = document.getElementById(`trace-${number + 1}`);
  return new Run(overview.traces[number], JSON.parse(block.textContent));
}

function runName(row) {
  const file = row.file ? row.file.split("/").pop() : "";
  return !file || file.includes(row.id) ? file || row.id || "input" : `${file} ${row.id}`;
}
