// Part of the composition root: local functions and their API, put together. No logic of its own.

import { isLoopback } from './config.ts';
import type { Config } from './config.ts';
import { createFunctionApi } from './control/function/pipeline.ts';
import type { FunctionApi, FunctionApiServices } from './control/function/pipeline.ts';
import { openFunctions } from './functions/functions.ts';
import type { FunctionServices, OpenFunctions } from './functions/functions.ts';
import { FUNCTION_LIMITS } from './functions/function-host.ts';
import { createEgressProxy } from './upstream/egress-proxy.ts';
import type { EgressGuard } from './upstream/guard.ts';
import { createObjectReader } from './upstream/source.ts';
import type { SourceOptions } from './upstream/source.ts';
import { createProcessKeeper } from './upstream/stdio/keeper.ts';

const PROCESSES = 32;

type Shared = Omit<FunctionServices, 'keeper' | 'egressProxy' | 'settings'> &
  Pick<FunctionApiServices, 'accessKeys' | 'sealer' | 'seal' | 'controlUrl'>;

/** Functions that run here, and the API that they are made through. */
export interface LocalFunctionHouse {
  readonly functions: OpenFunctions;
  readonly api: FunctionApi;
}

/** Nothing runs before it is called. */
export function openLocalFunctions(
  config: Config,
  shared: Shared,
  source: Omit<SourceOptions, 'maxBytes'>,
  guard: EgressGuard,
): LocalFunctionHouse {
  const functions = openFunctions({
    ...shared,
    keeper: createProcessKeeper(config.searchPath, shared.log),
    egressProxy: createEgressProxy(guard),
    settings: {
      dataDir: config.dataDir,
      maxProcesses: config.functionProcesses ?? PROCESSES,
      ...offOf(config),
      ...(config.functionSandbox === undefined ? {} : { sandbox: config.functionSandbox }),
      ...(config.searchPath === undefined ? {} : { searchPath: config.searchPath }),
      ...(config.home === undefined ? {} : { home: config.home }),
    },
  });
  const readObject = createObjectReader({ ...source, maxBytes: FUNCTION_LIMITS.zippedBytes });
  return { functions, api: createFunctionApi({ ...shared, host: functions, readObject }) };
}

/** Code of functions runs as the user of the server: whoever may reach the control plane must be meant to. */
function offOf({ functions = 'auto', adminListen, listen }: Config): { readonly off?: string } {
  if (functions === 'on' || (functions === 'auto' && isLoopback((adminListen ?? listen).host))) return {};
  return {
    off:
      functions === 'off'
        ? 'Local functions are off on this server (GATEWRIGHT_FUNCTIONS=off).'
        : 'Local functions are off on this server, because its control plane can be reached from other machines and their code runs on this one. The operator can set GATEWRIGHT_FUNCTIONS=on.',
  };
}
