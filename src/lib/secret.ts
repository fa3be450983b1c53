// A secret that cannot be printed: JSON, string conversion and inspection all show a placeholder.
// The value comes out only where somebody writes `.reveal()`, which is easy to search for.

import { inspect } from 'node:util';

const PLACEHOLDER = '[secret]';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it at the last moment and keep the result in no longer-lived place. */
  reveal(): string {
    return this.#value;
  }

  /** True for the same value. For telling whether something changed, not for checking what a caller sent. */
  equals(other: unknown): boolean {
    return other instanceof Secret && other.#value === this.#value;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
