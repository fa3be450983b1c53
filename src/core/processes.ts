// Programs that the house has started, each in a process group of its own, so that it can be ended with everything it
// started in turn, also when the house itself is killed (implemented in upstream/stdio/).

export interface ProcessKeeper {
  /** From now on the group is ended when this process is killed. */
  guard(group: number): void;
  /** It is gone. */
  release(group: number): void;
  /** Sends a signal to every process of the group. @returns false when there is none left */
  signal(group: number, signal: NodeJS.Signals): boolean;
  /** Fulfils when nothing of the group is left: SIGTERM, and SIGKILL after two seconds. */
  end(group: number): Promise<void>;
  /** Calls `onOver` once, when the resident memory of the group is more (bytes). @returns ends the watch */
  watchMemory(group: number, limitBytes: number, onOver: (bytes: number) => void): () => void;
  close(): void;
}
