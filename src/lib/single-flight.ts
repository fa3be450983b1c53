// Many callers, one piece of work: callers that ask for a key while it is being worked on share the result.

/** How often work was begun, and how often somebody joined what was under way. */
export interface FlightCounts {
  runs: number;
  joins: number;
}

export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #counts: FlightCounts;

  /** @param counts what this one adds to, perhaps with others */
  constructor(counts: FlightCounts = { runs: 0, joins: 0 }) {
    this.#counts = counts;
  }

  /** Runs `work` for `key`, or joins the run already under way. A failure is shared too, and then forgotten. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running) {
      this.#counts.joins += 1;
      return running;
    }
    this.#counts.runs += 1;
    const started = work().finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }
}
