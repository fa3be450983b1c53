// Property tests draw the same cases in every run, so that a red run is a change and not chance. `FC_SEED=random`
// draws new ones, `FC_SEED=<number>` repeats a run.

import fc from 'fast-check';

const wanted = process.env['FC_SEED'];
if (wanted !== 'random')
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(wanted ?? 20_261_122) });
