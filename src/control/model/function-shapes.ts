// Shapes of the AWS Lambda API, as far as functions here have what they say. Members that name what this service has no
// part in (virtual networks, file systems, images) are known, so that they can be refused with a reason.

import { RUNTIME_NAMES } from '../../core/function-runtimes.ts';
import { choice, flag, list, map, sized, structure, text, whole } from './shape.ts';
import type { Shape } from './shape.ts';

const LARGEST = 2 ** 31 - 1;

export const functionName = sized(1, 256, {
  pattern: String.raw`(arn:aws[a-zA-Z-]*:lambda:)?([a-z]{2}(-[a-z]+)+-\d:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`,
});
export const qualifier = sized(1, 128, { pattern: String.raw`\$LATEST|[a-zA-Z0-9-_]+` });
export const versionName = sized(1, 1024, { pattern: String.raw`\$LATEST|[0-9]+` });
export const aliasName = sized(1, 128, { pattern: '(?!^[0-9]+$)([a-zA-Z0-9-_]+)' });
export const layerName = sized(1, 140, {
  pattern: String.raw`(arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`,
});
export const layerVersionArn = sized(1, 140, {
  pattern: String.raw`arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+`,
});
export const layerVersionNumber = sized(1, 10, { pattern: '[0-9]+' });
export const description = sized(0, 256);
export const runtime = choice(...RUNTIME_NAMES);
export const architecture = choice('x86_64', 'arm64');
const architectures = list(architecture, 1, 1);
const tagKey = sized(1, 128);
const tagValue = sized(0, 256);
export const tags = map(tagKey, tagValue, 0, 50);
export const tagKeys = list(tagKey, 1, 50);
export const taggedArn = sized(1, 256);
export const listLimit = whole(1, 10_000);
export const layerListLimit = whole(1, 50);
export const anyText = text();
/** Base64; how much it may hold is checked where it is read. */
const blob = text({ sensitive: true });
const arnOrNothing = sized(0, 2048);

/** Where code comes from: the request itself or S3. */
export const codeMembers = {
  ZipFile: blob,
  S3Bucket: sized(3, 63, { pattern: String.raw`[0-9A-Za-z._-]*` }),
  S3Key: sized(1, 1024),
  S3ObjectVersion: sized(1, 1024),
  ImageUri: anyText,
  SourceKMSKeyArn: arnOrNothing,
} as const;

const environment = structure({
  Variables: map(sized(1, 512), text({ sensitive: true })),
});

/** Settings of a function that are only kept and given back. */
const kept = {
  KMSKeyArn: arnOrNothing,
  TracingConfig: structure({ Mode: choice('Active', 'PassThrough') }),
  EphemeralStorage: structure({ Size: { shape: whole(512, 10_240), required: true } }),
  SnapStart: structure({ ApplyOn: choice('PublishedVersions', 'None') }),
  LoggingConfig: structure({
    LogFormat: choice('JSON', 'Text'),
    ApplicationLogLevel: choice('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'),
    SystemLogLevel: choice('DEBUG', 'INFO', 'WARN'),
    LogGroup: sized(1, 512, { pattern: '[._/#A-Za-z0-9-]+' }),
  }),
} as const satisfies Readonly<Record<string, Shape>>;

/** Names of the settings that are only kept. */
export const KEPT_SETTINGS: readonly string[] = Object.freeze([...Object.keys(kept), 'Architectures']);

/** What would need something that is not here; each may be there without content. */
const foreign = {
  VpcConfig: { type: 'document' },
  DeadLetterConfig: { type: 'document' },
  FileSystemConfigs: { type: 'document' },
  ImageConfig: { type: 'document' },
  CapacityProviderConfig: { type: 'document' },
  DurableConfig: { type: 'document' },
} as const satisfies Readonly<Record<string, Shape>>;

/** Of CreateFunction and UpdateFunctionConfiguration. */
export const configurationMembers = {
  Role: sized(1, 2048, { pattern: String.raw`arn:aws[a-zA-Z-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+` }),
  Runtime: runtime,
  Handler: sized(0, 128, { pattern: String.raw`\S+` }),
  Description: description,
  Timeout: whole(1, 900),
  MemorySize: whole(128, 10_240),
  Environment: environment,
  Layers: list(layerVersionArn, 0),
  ...kept,
  ...foreign,
} as const;

/** Only of CreateFunction. */
export const creationMembers = {
  Architectures: architectures,
  PackageType: choice('Zip', 'Image'),
  Publish: flag,
  PublishTo: anyText,
  CodeSigningConfigArn: sized(0, 200),
  TenancyConfig: { type: 'document' },
  Tags: tags,
} as const satisfies Readonly<Record<string, Shape>>;

export const functionConfiguration = structure({
  FunctionName: anyText,
  FunctionArn: anyText,
  Runtime: anyText,
  Role: anyText,
  Handler: anyText,
  CodeSize: whole(0, LARGEST),
  Description: anyText,
  Timeout: whole(0, LARGEST),
  MemorySize: whole(0, LARGEST),
  LastModified: anyText,
  CodeSha256: anyText,
  Version: anyText,
  Environment: { type: 'document' },
  KMSKeyArn: anyText,
  TracingConfig: { type: 'document' },
  MasterArn: anyText,
  RevisionId: anyText,
  Layers: { type: 'document' },
  State: anyText,
  LastUpdateStatus: anyText,
  PackageType: anyText,
  Architectures: { type: 'document' },
  EphemeralStorage: { type: 'document' },
  SnapStart: { type: 'document' },
  RuntimeVersionConfig: { type: 'document' },
  LoggingConfig: { type: 'document' },
});

export const aliasWeights = structure({
  AdditionalVersionWeights: map(versionName, { type: 'double', min: 0, max: 1 }),
});

export const aliasConfiguration = structure({
  AliasArn: anyText,
  Name: anyText,
  FunctionVersion: anyText,
  Description: anyText,
  RoutingConfig: { type: 'document' },
  RevisionId: anyText,
});

export const layerContent = structure({
  ZipFile: blob,
  S3Bucket: codeMembers.S3Bucket,
  S3Key: codeMembers.S3Key,
  S3ObjectVersion: codeMembers.S3ObjectVersion,
});

const layerVersionMembers = {
  LayerVersionArn: anyText,
  Version: whole(0, LARGEST),
  Description: anyText,
  CreatedDate: anyText,
  CompatibleRuntimes: { type: 'document' },
  LicenseInfo: anyText,
  CompatibleArchitectures: { type: 'document' },
} as const satisfies Readonly<Record<string, Shape>>;

/** A version of a layer in a list. */
export const layerVersionItem = structure(layerVersionMembers);

/** A version of a layer with where its content is. */
export const layerVersion = structure({
  Content: { type: 'document' },
  LayerArn: anyText,
  ...layerVersionMembers,
});
