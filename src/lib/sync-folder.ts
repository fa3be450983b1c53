// Makes a new entry of a folder durable. A file that was synced can still be gone after a power cut while its name
// was not (fsync(2)).

import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Writes the folder's list of names to the disk. Where folders cannot be opened (Windows), the system does it. */
export function syncFolder(path: string): void {
  let folder: number;
  try {
    folder = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(folder);
  } catch {
    // Some file systems cannot sync a folder; the file itself is synced.
  } finally {
    closeSync(folder);
  }
}
