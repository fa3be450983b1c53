// The work an import may do. Documents can be written so that a short text means endless work (aliases,
// references to references); counting the nodes visited is what keeps every import finite.

/** Thrown when an operation, or the whole document, asks for more work than is sane. */
export class WorkExceeded extends Error {
  /** True when the whole import has to end. */
  readonly whole: boolean;

  constructor(whole: boolean) {
    super(
      whole
        ? 'the document as a whole is too large to import'
        : 'the operation’s schemas are too large to import',
    );
    this.name = 'WorkExceeded';
    this.whole = whole;
  }
}

/** Counts visited nodes, for one operation and for the whole document. */
export interface Work {
  spend(nodes: number): void;
  /** Begins the next operation's allowance. */
  next(): void;
}

/** Creates the counter with its two limits. */
export function createWork(limits: { readonly operation: number; readonly document: number }): Work {
  let operation = 0;
  let document = 0;
  return {
    spend(nodes) {
      operation += nodes;
      document += nodes;
      if (document > limits.document) throw new WorkExceeded(true);
      if (operation > limits.operation) throw new WorkExceeded(false);
    },
    next() {
      operation = 0;
    },
  };
}
