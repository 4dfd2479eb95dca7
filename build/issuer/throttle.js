// Limits how often a wrong password may be tried, for each account; all unknown names share one count.

const WINDOW_MS = 60_000;
const MAX_FAILURES = 10;

export class Throttle {
  #failures = new Map();

  constructor(clock = Date.now) {
    this.clock = clock;
  }

  // Seconds until the next attempt is looked at; 0: now.
  wait(name) {
    const recent = this.#recent(name);
    return recent.length < MAX_FAILURES ? 0 : Math.ceil((recent[0] + WINDOW_MS - this.clock()) / 1000);
  }

  failed(name) {
    this.#failures.set(name, [...this.#recent(name), this.clock()]);
  }

  succeeded(name) {
    this.#failures.delete(name);
  }

  #recent(name) {
    return (this.#failures.get(name) ?? []).filter((time) => time > this.clock() - WINDOW_MS);
  }
}
