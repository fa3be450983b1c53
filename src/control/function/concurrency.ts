// How many calls of a function run at the same time, the limits of the installation, and a function's last lines.

import { FUNCTION_LIMITS } from '../../functions/function-host.ts';
import { everyRow } from '../context.ts';
import { storedBytes } from './code.ts';
import type { FunctionContext, FunctionHandler } from './context.ts';
import { loadFunction, namedIn, unqualified } from './load.ts';

/** Handles PutFunctionConcurrency. */
export const putFunctionConcurrency: FunctionHandler = async (input, ctx) => {
  const reserved = input['ReservedConcurrentExecutions'] as number;
  await reserve(unqualified(namedIn(input, ctx)), reserved, ctx);
  return { output: { ReservedConcurrentExecutions: reserved } };
};

/** Handles GetFunctionConcurrency. */
export const getFunctionConcurrency: FunctionHandler = async (input, ctx) => {
  const row = await loadFunction(ctx.store, unqualified(namedIn(input, ctx)), ctx);
  const { reservedConcurrency } = row.document;
  return {
    output: reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency },
  };
};

/** Handles DeleteFunctionConcurrency. */
export const deleteFunctionConcurrency: FunctionHandler = async (input, ctx) => {
  await reserve(unqualified(namedIn(input, ctx)), undefined, ctx);
  return { status: 204 };
};

/** Handles GetAccountSettings. */
export const getAccountSettings: FunctionHandler = async (_input, ctx) => {
  let reserved = 0;
  for await (const { document } of everyRow(ctx.store, 'function'))
    reserved += document.reservedConcurrency ?? 0;
  const { maxProcesses } = ctx.host;
  return {
    output: {
      AccountLimit: {
        TotalCodeSize: FUNCTION_LIMITS.storedBytes,
        CodeSizeUnzipped: FUNCTION_LIMITS.unzippedBytes,
        CodeSizeZipped: FUNCTION_LIMITS.zippedBytes,
        ConcurrentExecutions: maxProcesses,
        UnreservedConcurrentExecutions: Math.max(0, maxProcesses - reserved),
      },
      AccountUsage: {
        TotalCodeSize: await storedBytes(ctx.store),
        FunctionCount: await ctx.store.count('function'),
      },
    },
  };
};

/** Handles GetFunctionLogs: the lines behind `After`, or the last ones there are. */
export const getFunctionLogs: FunctionHandler = async (input, ctx) => {
  const name = unqualified(namedIn(input, ctx));
  await loadFunction(ctx.store, name, ctx);
  const after = (input['After'] as number | undefined) ?? 0;
  const lines = ctx.host.logLines(name, after);
  return {
    output: {
      Lines: lines.map(({ sequence: _sequence, ...line }) => line),
      Next: lines.at(-1)?.sequence ?? after,
    },
  };
};

async function reserve(name: string, reserved: number | undefined, ctx: FunctionContext): Promise<void> {
  await ctx.store.transaction(async (tx) => {
    const row = await loadFunction(tx, name, ctx);
    const { reservedConcurrency: _before, ...document } = row.document;
    await tx.replace(
      'function',
      row,
      reserved === undefined ? document : { ...document, reservedConcurrency: reserved },
    );
  });
  await ctx.host.refresh();
}
