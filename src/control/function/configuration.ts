// A function's configuration: read from a request and checked beyond its shape, and written as the Lambda API writes it.

import { GatewayError } from '../../core/errors.ts';
import { functionArn, parseLayerReference } from '../../core/function-name.ts';
import { newId } from '../../core/ids.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { FunctionConfigurationDocument } from '../../core/resources.ts';
import { FUNCTION_LIMITS } from '../../functions/function-host.ts';
import { Secret } from '../../lib/secret.ts';
import type { StoreReader } from '../../stores/store.ts';
import { present } from '../context.ts';
import { KEPT_SETTINGS } from '../model/function-shapes.ts';
import { maySeeSecrets } from './access.ts';
import type { FunctionContext } from './context.ts';

type Configuration = FunctionConfigurationDocument;

const DEFAULT_TIMEOUT = 3;
const DEFAULT_MEMORY = 128;
const VARIABLE = /^[a-zA-Z][a-zA-Z0-9_]+$/;
/** What the execution environment itself sets. Credentials are not among them: nobody else could give a function any. */
const RESERVED: ReadonlySet<string> = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_DEFAULT_REGION',
  'AWS_REGION',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'GATEWRIGHT_INSTANCE_TOKEN',
  'GATEWRIGHT_RUNTIME_SOCKET',
  'GATEWRIGHT_EGRESS_SOCKET',
  'GATEWRIGHT_EGRESS_PORT',
  'LAMBDA_TASK_ROOT',
  'LAMBDA_RUNTIME_DIR',
]);
/** Members for what is not here, with what to do instead. */
const FOREIGN: Readonly<Record<string, string>> = Object.freeze({
  VpcConfig: 'functions here use the network of this machine; leave it out',
  DeadLetterConfig: 'there are no queues and topics here; leave it out',
  FileSystemConfigs: 'there are no elastic file systems here; leave it out',
  ImageConfig: 'functions from container images do not run here; leave it out',
  CodeSigningConfigArn: 'signatures of code are not checked here; leave it out',
  CapacityProviderConfig: 'there are no capacity providers here; leave it out',
  DurableConfig: 'durable executions do not run here; leave it out',
  TenancyConfig: 'processes are not kept apart by tenant here; leave it out',
  PublishTo: 'versions are published by number only; leave it out',
});

/** What an input says, over what was there before. @throws GatewayError Validation */
export async function readConfiguration(
  input: JsonObject,
  before: Configuration | undefined,
  code: Pick<Configuration, 'codeId' | 'CodeSize'>,
  functionId: string,
  reader: StoreReader,
  ctx: FunctionContext,
): Promise<Configuration> {
  for (const [name, why] of Object.entries(FOREIGN))
    if (!isEmpty(input[name])) throw new GatewayError('Validation', `${name}: ${why}.`);
  if (input['PackageType'] === 'Image')
    throw new GatewayError('Validation', `PackageType: ${FOREIGN['ImageConfig'] ?? ''}.`);
  const runtime = (input['Runtime'] as string | undefined) ?? before?.Runtime;
  const handler = (input['Handler'] as string | undefined) ?? before?.Handler;
  if (runtime === undefined || handler === undefined || handler === '')
    throw new GatewayError(
      'Validation',
      'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
    );
  const missing = await ctx.host.missing(runtime);
  if (missing !== undefined) throw new GatewayError('Validation', missing);
  const layers = input['Layers'];
  return present({
    Runtime: runtime,
    Handler: handler,
    Role: (input['Role'] as string | undefined) ?? before?.Role ?? '',
    Description: (input['Description'] as string | undefined) ?? before?.Description,
    Timeout: (input['Timeout'] as number | undefined) ?? before?.Timeout ?? DEFAULT_TIMEOUT,
    MemorySize: (input['MemorySize'] as number | undefined) ?? before?.MemorySize ?? DEFAULT_MEMORY,
    ...code,
    layers: Array.isArray(layers)
      ? await layersOf(layers as readonly string[], reader, ctx)
      : (before?.layers ?? []),
    environment:
      input['Environment'] === undefined
        ? before?.environment
        : sealVariables(variablesOf(input['Environment']), functionId, ctx),
    settings: {
      ...before?.settings,
      ...Object.fromEntries(
        KEPT_SETTINGS.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])),
      ),
    },
    ...stamp(ctx),
  });
}

/** What changes with every change. */
export function stamp(ctx: FunctionContext): Pick<Configuration, 'lastModified' | 'RevisionId'> {
  return { lastModified: ctx.clock.now(), RevisionId: newId() };
}

/** @throws GatewayError StaleRevision (PreconditionFailedException) */
export function checkRevision(given: JsonValue | undefined, present: string): void {
  if (given === undefined || given === present) return;
  throw new GatewayError(
    'StaleRevision',
    'The RevisionId provided does not match the latest RevisionId. Call the GetFunction/GetAlias API to retrieve the latest RevisionId.',
    { reason: 'PreconditionFailedException' },
  );
}

async function layersOf(
  arns: readonly string[],
  reader: StoreReader,
  ctx: FunctionContext,
): Promise<Configuration['layers']> {
  if (arns.length > FUNCTION_LIMITS.layers)
    throw new GatewayError('Validation', `Cannot reference more than ${FUNCTION_LIMITS.layers} layers.`);
  const names = new Set<string>();
  const layers: Configuration['layers'][number][] = [];
  for (const arn of arns) {
    const reference = parseLayerReference(arn, ctx.scope);
    const row = reference && (await reader.find('layer-version', reference.name, reference.version ?? ''));
    if (!reference || !row || row.document.isDeleted === true)
      throw new GatewayError('Validation', `Layer version ${arn} does not exist.`);
    if (names.has(reference.name))
      throw new GatewayError(
        'Validation',
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${arn} is one of them.`,
      );
    names.add(reference.name);
    layers.push({ Arn: arn, CodeSize: row.document.CodeSize, codeId: row.document.codeId });
  }
  return layers;
}

function variablesOf(environment: JsonValue): Readonly<Record<string, string>> {
  const variables = isJsonObject(environment) ? environment['Variables'] : undefined;
  const entries = Object.entries(isJsonObject(variables) ? variables : {}).map(
    ([name, value]): [string, string] => [name, String(value)],
  );
  const reserved = entries.map(([name]) => name).filter((name) => RESERVED.has(name));
  if (reserved.length > 0)
    throw new GatewayError(
      'Validation',
      `Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: ${reserved.join(', ')}`,
    );
  const bad = entries.find(([name, value]) => !VARIABLE.test(name) || value.includes('\0'));
  if (bad)
    throw new GatewayError(
      'Validation',
      `Environment.Variables: ${JSON.stringify(bad[0].slice(0, 100))} is no name of a variable (letters, digits and underscores, two at least, a letter first), or its value holds a zero byte.`,
    );
  const bytes = entries.reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  );
  if (bytes > FUNCTION_LIMITS.environmentBytes)
    throw new GatewayError(
      'Validation',
      `Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the ${FUNCTION_LIMITS.environmentBytes} byte limit. Bytes measured: ${bytes}`,
    );
  return Object.fromEntries(entries);
}

function sealVariables(
  variables: Readonly<Record<string, string>>,
  functionId: string,
  ctx: FunctionContext,
): Configuration['environment'] {
  if (Object.keys(variables).length === 0) return undefined;
  const bound = { type: 'function', recordId: functionId, field: `environment ${newId()}`, version: 1 };
  return { sealed: ctx.seal(new Secret(JSON.stringify(variables)), bound), bound };
}

/** The configuration on the wire. `qualifier`: what the ARN ends with. */
export function renderConfiguration(
  name: string,
  version: string,
  configuration: Configuration,
  qualifier: string | undefined,
  ctx: FunctionContext,
): JsonObject {
  const { settings, layers } = configuration;
  const logging = settings['LoggingConfig'];
  const snapStart = settings['SnapStart'];
  return present({
    FunctionName: name,
    FunctionArn: functionArn(ctx.scope, name, qualifier),
    Runtime: configuration.Runtime,
    Role: configuration.Role,
    Handler: configuration.Handler,
    CodeSize: configuration.CodeSize,
    Description: configuration.Description ?? '',
    Timeout: configuration.Timeout,
    MemorySize: configuration.MemorySize,
    LastModified: new Date(configuration.lastModified).toISOString().replace('Z', '+0000'),
    CodeSha256: Buffer.from(configuration.codeId, 'hex').toString('base64'),
    Version: version,
    Environment: renderEnvironment(configuration, ctx),
    KMSKeyArn: settings['KMSKeyArn'] === '' ? undefined : settings['KMSKeyArn'],
    TracingConfig: settings['TracingConfig'] ?? { Mode: 'PassThrough' },
    RevisionId: configuration.RevisionId,
    Layers: layers.length === 0 ? undefined : layers.map(({ Arn, CodeSize }) => ({ Arn, CodeSize })),
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: settings['Architectures'] ?? [process.arch === 'arm64' ? 'arm64' : 'x86_64'],
    EphemeralStorage: settings['EphemeralStorage'] ?? { Size: 512 },
    SnapStart: {
      ApplyOn: (isJsonObject(snapStart) ? snapStart['ApplyOn'] : undefined) ?? 'None',
      OptimizationStatus: 'Off',
    },
    LoggingConfig: {
      LogFormat: 'Text',
      LogGroup: `/aws/lambda/${name}`,
      ...(isJsonObject(logging) ? logging : {}),
    },
  });
}

/** Only administrators see what the variables hold; others see that there are some. */
function renderEnvironment({ environment }: Configuration, ctx: FunctionContext): JsonObject | undefined {
  if (!environment) return undefined;
  const denied = (message: string): JsonObject => ({
    Error: { ErrorCode: 'AccessDeniedException', Message: message },
  });
  if (!maySeeSecrets(ctx.caller)) return denied('Environment variables are shown to administrators only.');
  try {
    const variables: unknown = JSON.parse(ctx.openSecret(environment.sealed, environment.bound).reveal());
    return isJsonObject(variables) ? { Variables: variables } : undefined;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return denied(thrown.message);
    throw thrown;
  }
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.values(value).every((item) => isEmpty(item as JsonValue));
}
