// Searching the steps: all of their texts, in lower case, read once.

class Search {
  constructor(run) {
    this.run = run;
    this.index = null;
    this.words = NO_TEXT;
    this.hits = [];
    this.found = new Set();
    this.at = -1;
  }

  /** Look for some words; empty ends the search. */
  look(words) {
    this.words = words.trim().toLowerCase();
    this.at = -1;
    this.hits = [];
    if (this.words) {
      this.index ??= this.run.steps.map((step) => this.line(step));
      this.index.forEach((line, position) => {
        if (line.includes(this.words)) this.hits.push(this.run.steps[position].n);
      });
    }
    this.found = new Set(this.hits);
  }

  line(step) {
    const names = this.run.calls(step).flatMap((call) => [call.name, ...(call.arguments || []).map(([name]) => name)]);
    const texts = [...this.run.texts(step)].map(([, text]) => text);
    return [step.n, this.run.agent(step), step.model || "", ...names, ...texts].join("\n").toLowerCase();
  }

  /** The next step with the words, or the one before, going round; null where there is none. */
  move(forward) {
    if (!this.hits.length) return null;
    const start = this.at < 0 && !forward ? 0 : this.at;
    this.at = (start + (forward ? 1 : -1) + this.hits.length) % this.hits.length;
    return this.hits[this.at];
  }
}
