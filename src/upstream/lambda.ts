// Calls functions: those of this installation where the ARN names one, else AWS Lambda through the official client,
// whose requests leave by the one egress door. Knows nothing of tools; interceptors will share it with targets.

import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InvokeCommand, InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { HttpResponse } from '@smithy/core/protocols';
import type { HttpHandler } from '@smithy/core/protocols';
import type { CallContext } from '../core/call.ts';
import { GatewayError } from '../core/errors.ts';
import type { ErrorCode } from '../core/errors.ts';
import { MAX_FUNCTION_PAYLOAD } from '../core/functions.ts';
import type {
  FunctionInvocation,
  FunctionInvoker,
  FunctionOutcome,
  LocalFunctions,
} from '../core/functions.ts';
import type { Egress } from '../core/outbound.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';

/** Room for the headers' worth of JSON around an answer of the largest size. */
const MAX_ANSWER_BYTES = MAX_FUNCTION_PAYLOAD + 64 * 1024;
const REGION_OF_ARN = /^arn:[^:]*:lambda:([a-z0-9-]+):/;
/** Further attempts where the function has certainly not run, and the longest wait before the first of them (ms). */
const RETRIES = 2;
const RETRY_WAIT_MS = 200;

/** AWS's names for what went wrong before the function ran (Lambda API, Invoke). */
const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = Object.freeze({
  ResourceNotFoundException: ['NotFound', 'The function does not exist.'],
  TooManyRequestsException: ['Throttled', 'The function has too many calls at once.'],
  RequestTooLargeException: ['TooLarge', 'The event is larger than a function can take.'],
  AccessDeniedException: [
    'CredentialUnavailable',
    'AWS does not allow this gateway to invoke the function: check the role’s permission lambda:InvokeFunction.',
  ],
  UnrecognizedClientException: ['CredentialUnavailable', 'AWS does not know the gateway’s credentials.'],
  ExpiredTokenException: ['CredentialUnavailable', 'The gateway’s AWS credentials have expired.'],
  InvalidSignatureException: ['CredentialUnavailable', 'AWS does not accept the gateway’s signature.'],
});

export interface FunctionDoors {
  readonly egress: Pick<Egress, 'request'>;
  readonly local: LocalFunctions;
  /** Of this installation, for ARNs without one of their own. */
  readonly region: string;
  /** The SDKs' own variable AWS_ENDPOINT_URL_LAMBDA. */
  readonly endpoint?: URL;
}

/** The credentials that calls to AWS are signed with, asked for at each call; undefined where there are none. */
export type InvokerCredentials = () => Promise<SigningCredentials | undefined>;

/**
 * The invoker of one target. Without `credentials` it calls the functions of this installation only: those of AWS are
 * called as the gateway, which its target has to be allowed (GATEWAY_IAM_ROLE).
 */
export function createFunctionInvoker(
  doors: FunctionDoors,
  credentials: InvokerCredentials | undefined,
): FunctionInvoker {
  const clients = new Map<string, Promise<AwsClient>>();
  return {
    invoke(invocation, ctx) {
      const { functionArn } = invocation;
      if (doors.local.has(functionArn)) return doors.local.invoke(invocation, ctx);
      if (!credentials)
        throw new GatewayError(
          'CredentialUnavailable',
          'The function does not exist here, and the target has no credential to call AWS with (GATEWAY_IAM_ROLE).',
          { internal: functionArn },
        );
      const region = REGION_OF_ARN.exec(functionArn)?.[1] ?? doors.region;
      let client = clients.get(region);
      if (!client) {
        client = openClient(region, doors, credentials);
        clients.set(region, client);
      }
      return invokeAtAws(client, invocation, ctx);
    },
  };
}

interface AwsClient {
  readonly client: LambdaClient;
  readonly Invoke: typeof InvokeCommand;
}

/** Loaded with the first call only: most installations never make one. */
async function openClient(
  region: string,
  { egress, endpoint }: FunctionDoors,
  credentials: InvokerCredentials,
): Promise<AwsClient> {
  const { InvokeCommand: Invoke, LambdaClient: Client } = await import('@aws-sdk/client-lambda');
  const client = new Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href }),
    // Asked at each call: those behind it are kept, and renewed, elsewhere.
    credentials: async () => ({ ...(await present(credentials)), expiration: new Date() }),
    // A call that may have run is never sent again; what is safe is repeated below.
    maxAttempts: 1,
    retryMode: 'standard',
    defaultsMode: 'standard',
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    requestHandler: throughEgress(egress),
  });
  return { client, Invoke };
}

async function present(credentials: InvokerCredentials): Promise<SigningCredentials> {
  const found = await credentials();
  if (found) return found;
  throw new GatewayError(
    'CredentialUnavailable',
    'This server has no AWS credentials to call the function with. The operator can give it some in the usual ways of the AWS SDKs (environment, profile, role).',
  );
}

/** The SDK's requests leave by the house's door; it sets `host` and `content-length` itself. */
function throughEgress(egress: Pick<Egress, 'request'>): HttpHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    destroy: () => undefined,
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    async handle(request, options) {
      const url = new URL(`${request.protocol}//${request.hostname}${request.path}`);
      if (request.port !== undefined) url.port = String(request.port);
      for (const [name, value] of Object.entries(request.query))
        for (const one of [value ?? ''].flat()) url.searchParams.append(name, one);
      const { host: _host, 'content-length': _length, ...headers } = request.headers;
      const body: unknown = request.body;
      const answer = await egress.request(
        {
          method: request.method,
          url,
          headers,
          ...(typeof body === 'string' || body instanceof Uint8Array ? { body } : {}),
        },
        {
          timeoutMs: options?.requestTimeout ?? 1,
          maxResponseBytes: MAX_ANSWER_BYTES,
          ...(options?.abortSignal === undefined ? {} : { signal: options.abortSignal as AbortSignal }),
        },
      );
      return {
        response: new HttpResponse({
          statusCode: answer.status,
          headers: { ...answer.headers },
          body: Readable.from([answer.body]),
        }),
      };
    },
  };
}

async function invokeAtAws(
  opened: Promise<AwsClient>,
  { functionArn, payload, clientContext }: FunctionInvocation,
  ctx: CallContext,
): Promise<FunctionOutcome> {
  const { client, Invoke } = await opened;
  const command = new Invoke({
    FunctionName: functionArn,
    InvocationType: 'RequestResponse',
    Payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    ...(clientContext === undefined ? {} : { ClientContext: Buffer.from(clientContext).toString('base64') }),
  });
  for (let retries = RETRIES; ; retries -= 1) {
    try {
      const answer = await client.send(command, {
        abortSignal: ctx.signal,
        requestTimeout: Math.max(1, Math.ceil(ctx.deadline - performance.now())),
      });
      return outcomeOf(answer);
    } catch (thrown) {
      const error = named(thrown, functionArn);
      const hasNotRun = error.code === 'Throttled' || error.code === 'UpstreamRefused';
      const waitMs = RETRY_WAIT_MS * (RETRIES - retries + 1) * (0.5 + Math.random());
      if (!hasNotRun || retries === 0 || performance.now() + waitMs > ctx.deadline) throw error;
      await sleep(waitMs, undefined, { signal: ctx.signal });
    }
  }
}

function outcomeOf({ FunctionError: failed, Payload: payload }: InvokeCommandOutput): FunctionOutcome {
  return {
    ...(failed === undefined ? {} : { functionError: failed === 'Handled' ? 'Handled' : 'Unhandled' }),
    payload: payload ?? new Uint8Array(),
  };
}

/** The SDK's errors carry AWS's names; what came from the egress door has its name already. */
function named(thrown: unknown, functionArn: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  const [code, sentence] = CODES[name] ?? ['UpstreamInvalid', 'AWS Lambda did not carry out the call.'];
  return new GatewayError(code, sentence, { cause: thrown, internal: `${functionArn}: ${name}: ${message}` });
}
