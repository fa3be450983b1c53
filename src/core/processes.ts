// Programs that the house has started, each in a process group of its own, so that it can be ended with everything it
// started in turn, also when the house itself is killed (implemented in upstream/stdio/).

export interface ProcessKeeper {
  /** From now on the group is ended when this process is killed. */
  guard(group: number): void;
  /** It is gone. */
  release(group: number): void;
  /**
   * Ends the group at once; fulfils when nothing of it is left.
   * @param isLeaderWaiting whether its first process does nothing but wait for another
   */
  kill(group: number, isLeaderWaiting: boolean): Promise<void>;
  /** Ends every process that was started with a text (`NAME=value`) in its environment, as far as that can be seen. */
  killCarriers(text: string): Promise<void>;
  /** Calls `onOver` once, when the resident memory of the group is more (bytes). @returns ends the watch */
  watchMemory(group: number, limitBytes: number, onOver: (bytes: number) => void): () => void;
  /** Resident memory of the group (bytes); undefined where that cannot be found out. */
  measureMemory(group: number): Promise<number | undefined>;
  close(): void;
}
