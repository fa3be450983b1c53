// Loaded into a server before its own code (`--import`): its wall clock is off by as many milliseconds as a file says, and is
// set anew while it runs. Monotonic time goes on as it is, as on a machine whose clock is set.

import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 20;

const file = process.env['SHIFT_FILE'] ?? '';
const Real = Date;
let shiftMs = 0;

const look = (): void => {
  const said = Number(readFileSync(file, 'utf8'));
  if (Number.isFinite(said)) shiftMs = said;
};
look();
setInterval(look, LOOK_EVERY_MS).unref();

const now = (): number => Real.now() + shiftMs;

globalThis.Date = new Proxy(Real, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  apply: () => new Real(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});
