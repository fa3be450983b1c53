// Calls of the Lambda API and of the control plane, for commands: each gives what it is asked for or says what was wrong.

import type { Config } from '../config.ts';
import { isJsonObject } from '../core/json.ts';
import type { JsonObject } from '../core/json.ts';
import { endpointOf } from './api-commands.ts';
import { callControlPlane, findCredentials } from './client.ts';
import type { ControlAnswer, ControlCall } from './client.ts';
import type { Environment } from './settings-flags.ts';

/** An answer that is an error, by the service's name for it. */
export class ServiceFault extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(`${type}: ${message}`);
    this.type = type;
  }
}

export interface ServiceClient {
  /** The answer as it is. @throws Error, ServiceFault */
  send(call: ControlCall): Promise<ControlAnswer>;
  /** The answer’s bytes. @throws Error, ServiceFault */
  bytes(call: ControlCall): Promise<Buffer>;
  /** The answer as an object. @throws Error, ServiceFault */
  json(call: ControlCall): Promise<JsonObject>;
}

/** A client of the server that settings and flags describe. `service`: `lambda` or AgentCore's own name. */
export function createServiceClient(
  service: 'lambda' | 'bedrock-agentcore',
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
  config: Config,
): ServiceClient {
  async function send(call: ControlCall): Promise<ControlAnswer> {
    const answer = await callControlPlane(
      { service, ...call },
      {
        endpoint: endpointOf(flags, env, config),
        region: config.region,
        credentials: findCredentials(env, config),
      },
    );
    if (answer.status < 300) return answer;
    throw new ServiceFault(answer.errorType ?? `HTTP ${answer.status}`, messageOf(answer.body));
  }
  return Object.freeze({
    send,
    bytes: async (call: ControlCall) => (await send(call)).bytes,
    async json(call: ControlCall): Promise<JsonObject> {
      const { body } = await send(call);
      const value: unknown = body === '' ? {} : JSON.parse(body);
      return isJsonObject(value) ? value : {};
    },
  });
}

function messageOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    const message = isJsonObject(value) ? (value['message'] ?? value['Message']) : undefined;
    return typeof message === 'string' ? message : body;
  } catch {
    return body;
  }
}
