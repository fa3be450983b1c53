// Part of the composition root: the listeners that the settings describe. One for everything, or a second one for the
// control plane.

import type { Config, ListenAddress } from './config.ts';
import { listen } from './edge/server.ts';
import type { Handlers, Listener } from './edge/server.ts';
import { isWorker } from './workers.ts';

/** Opens them; the one for the data plane is the first. @throws the system's error when an address is taken or not ours */
export async function openListeners(
  config: Config,
  handlersFor: (has: { dataPlane: boolean; control: boolean }, at: ListenAddress) => Handlers,
  opened: Promise<void>,
): Promise<readonly Listener[]> {
  const first = await listen({
    ...config.listen,
    opened,
    isShared: isWorker(),
    handlers: (at) => handlersFor({ dataPlane: true, control: config.adminListen === undefined }, at),
  });
  if (!config.adminListen) return [first];
  try {
    const second = await listen({
      ...config.adminListen,
      opened,
      handlers: (at) => handlersFor({ dataPlane: false, control: true }, at),
    });
    return [first, second];
  } catch (thrown) {
    await first.drain(0);
    throw thrown;
  }
}
