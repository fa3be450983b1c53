// Settings that the AWS API has no member for travel as tags whose key begins with `gatewright:`.
// This is the one list of them, with what each means; values are validated where tags are written.

import type { Tags } from './resources.ts';

export const SETTING_PREFIX = 'gatewright:';

export interface SettingDefinition {
  readonly key: string;
  readonly on: 'gateway' | 'gateway-target' | 'oauth2-credential-provider' | 'function';
  readonly doc: string;
  /** Says what is wrong with a value, or undefined when it is fine. */
  readonly check: (value: string) => string | undefined;
}

const oneOf =
  (...allowed: readonly string[]) =>
  (value: string): string | undefined =>
    allowed.includes(value) ? undefined : `must be one of ${allowed.join(', ')}`;

const integerBetween =
  (low: number, high: number) =>
  (value: string): string | undefined =>
    /^\d{1,9}$/.test(value) && Number(value) >= low && Number(value) <= high
      ? undefined
      : `must be a whole number from ${low} to ${high}`;

const words = (value: string): string | undefined =>
  value.trim() === '' ? 'must hold at least one word' : undefined;

const methods = (value: string): string | undefined =>
  splitWords(value).every((word) =>
    ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE', 'QUERY'].includes(
      word.toUpperCase(),
    ),
  )
    ? words(value)
    : 'must be HTTP methods separated by spaces';

const absoluteUrl = (value: string): string | undefined =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
    ? undefined
    : 'must be an absolute http or https URL';

const httpsUrl = (value: string): string | undefined =>
  absoluteUrl(value) === undefined && new URL(value).protocol === 'https:' && new URL(value).pathname !== '/'
    ? undefined
    : 'must be an absolute https URL with a path';

export const SETTINGS: readonly SettingDefinition[] = Object.freeze([
  {
    key: 'gatewright:tool-names',
    on: 'gateway',
    doc: '`prefixed` (default): `target___tool`; `bare`: the tool’s own name where it is unique in the gateway.',
    check: oneOf('prefixed', 'bare'),
  },
  {
    key: 'gatewright:tool-name-max-length',
    on: 'gateway',
    doc: '16 to 128, default 64. Longer names are shortened deterministically, with a hash, and stay callable.',
    check: integerBetween(16, 128),
  },
  {
    key: 'gatewright:assume-role',
    on: 'gateway',
    doc: '`true`: calls with GATEWAY_IAM_ROLE are signed as the gateway’s `roleArn`, assumed through AWS STS with the process’s AWS credentials; `false` (default): with those themselves.',
    check: oneOf('true', 'false'),
  },
  {
    key: 'gatewright:search-embedder',
    on: 'gateway',
    doc: 'What finds tools beside words in common, where `searchType` is `SEMANTIC`: `embedded` (default: word vectors and a sentence encoder, both in this process), `words` (word vectors only), `none`, or a provider: `openai` (and what speaks its API), `ollama`, `bedrock`.',
    check: oneOf('embedded', 'words', 'none', 'openai', 'ollama', 'bedrock'),
  },
  {
    key: 'gatewright:search-endpoint',
    on: 'gateway',
    doc: 'Base URL of the embedding provider, for example `https://api.openai.com/v1`.',
    check: absoluteUrl,
  },
  {
    key: 'gatewright:search-model',
    on: 'gateway',
    doc: 'Model of the embedding provider. Another model means that all tools are embedded anew, in the background.',
    check: words,
  },
  {
    key: 'gatewright:search-key-provider',
    on: 'gateway',
    doc: 'ARN of the API-key credential provider whose key the embedding provider is called with.',
    check: words,
  },
  {
    key: 'gatewright:search-rate',
    on: 'gateway',
    doc: '1 to 100000, default 6000: how many searches a minute one caller has.',
    check: integerBetween(1, 100_000),
  },
  {
    key: 'gatewright:search-dynamic-targets',
    on: 'gateway',
    doc: '`true`: targets with `listingMode` `DYNAMIC` may be on a gateway with search; found is what is known of them since they were last synchronised. `false` (default): refused, as AWS does.',
    check: oneOf('true', 'false'),
  },
  {
    key: 'gatewright:include-tags',
    on: 'gateway-target',
    doc: 'OpenAPI tags, separated by spaces (a space inside a tag is written `+`): only operations with one of them become tools.',
    check: words,
  },
  {
    key: 'gatewright:exclude-tags',
    on: 'gateway-target',
    doc: 'OpenAPI tags as above: operations with one of them are left out.',
    check: words,
  },
  {
    key: 'gatewright:include-paths',
    on: 'gateway-target',
    doc: 'Path prefixes separated by spaces: only operations below one of them become tools.',
    check: words,
  },
  {
    key: 'gatewright:exclude-paths',
    on: 'gateway-target',
    doc: 'Path prefixes separated by spaces: operations below one of them are left out.',
    check: words,
  },
  {
    key: 'gatewright:include-methods',
    on: 'gateway-target',
    doc: 'HTTP methods separated by spaces: only operations with one of them become tools.',
    check: methods,
  },
  {
    key: 'gatewright:exclude-methods',
    on: 'gateway-target',
    doc: 'HTTP methods separated by spaces: operations with one of them are left out.',
    check: methods,
  },
  {
    key: 'gatewright:include-deprecated',
    on: 'gateway-target',
    doc: '`true` (default) or `false`: whether operations marked deprecated become tools.',
    check: oneOf('true', 'false'),
  },
  {
    key: 'gatewright:max-concurrency',
    on: 'gateway-target',
    doc: 'Calls of this target at a time in one process, default 1,000. As many wait in line; more are told to try again in a moment.',
    check: integerBetween(1, 10_000),
  },
  {
    key: 'gatewright:lambda-result',
    on: 'gateway-target',
    doc: '`unwrap` (default): of an answer `{statusCode, body, headers}` the body is the result, and an error from status 400 on; `raw`: the answer is the result whatever its form.',
    check: oneOf('unwrap', 'raw'),
  },
  {
    key: 'gatewright:server-url',
    on: 'gateway-target',
    doc: 'Base URL that calls go to instead of the document’s `servers`, or of the endpoint that a Smithy model’s rules give.',
    check: absoluteUrl,
  },
  {
    key: 'gatewright:include-operations',
    on: 'gateway-target',
    doc: 'Smithy: names of operations separated by spaces, `...` standing for any letters (`List... Get...`): only these become tools.',
    check: words,
  },
  {
    key: 'gatewright:exclude-operations',
    on: 'gateway-target',
    doc: 'Smithy: names as above: these operations are left out.',
    check: words,
  },
  {
    key: 'gatewright:service',
    on: 'gateway-target',
    doc: 'Smithy: id or name of the service, for models that define several.',
    check: words,
  },
  {
    key: 'gatewright:protocol',
    on: 'gateway-target',
    doc: 'Smithy: the protocol to speak, for services with several.',
    check: oneOf(
      'rpcv2Cbor',
      'rpcv2Json',
      'restJson1',
      'awsJson1_0',
      'awsJson1_1',
      'restXml',
      'awsQuery',
      'ec2Query',
    ),
  },
  {
    key: 'gatewright:aws-region',
    on: 'gateway-target',
    doc: 'Smithy: AWS region of the service, instead of this installation’s.',
    check: (value) => (/^[a-z0-9-]{1,40}$/.test(value) ? undefined : 'must be the name of a region'),
  },
  {
    key: 'gatewright:endpoint-params',
    on: 'gateway-target',
    doc: 'Smithy: parameters of the model’s endpoint rules, as `Name=value` separated by spaces (`UseFIPS=true UseDualStack=true ForcePathStyle=true`).',
    check: (value) =>
      splitWords(value).every((word) => /^[A-Za-z_][A-Za-z0-9_]*=.+$/.test(word))
        ? words(value)
        : 'must be pairs Name=value separated by spaces',
  },
  {
    key: 'gatewright:model-files',
    on: 'gateway-target',
    doc: 'Smithy: addresses of further files of the model (`s3://`, `https://`), separated by spaces.',
    check: (value) =>
      splitWords(value).every((word) => /^(s3|https?):\/\/.+$/.test(word))
        ? words(value)
        : 'must be s3:// or https:// addresses separated by spaces',
  },
  {
    key: 'gatewright:waiters',
    on: 'gateway-target',
    doc: 'Smithy: `true`: waiters of the model become tools as well (`wait_for_…`); `false` (default).',
    check: oneOf('true', 'false'),
  },
  {
    key: 'gatewright:max-pages',
    on: 'gateway-target',
    doc: 'Smithy: 1 (default) to 100: how many pages of a paginated operation one call collects at most.',
    check: integerBetween(1, 100),
  },
  {
    key: 'gatewright:network',
    on: 'function',
    doc: '`host` (default): the network of this machine; `egress`: only what the egress rules allow, through a proxy that the environment names; `none`: none at all. The last two for Node.js and Python, where the system has namespaces.',
    check: oneOf('host', 'egress', 'none'),
  },
  {
    key: 'gatewright:issuer',
    on: 'oauth2-credential-provider',
    doc: 'Of a provider that is known by the server it protects: the one issuer that is used, even if the server names another or more.',
    check: absoluteUrl,
  },
  {
    key: 'gatewright:client-registration',
    on: 'oauth2-credential-provider',
    doc: 'How the gateway becomes a client where no `clientId` is given: `auto` (default: by metadata document where that works, else dynamically), `metadata-document` or `dynamic`.',
    check: oneOf('auto', 'metadata-document', 'dynamic'),
  },
  {
    key: 'gatewright:client-metadata-document',
    on: 'oauth2-credential-provider',
    doc: 'https address of the client ID metadata document, where it is not served by the gateway itself.',
    check: httpsUrl,
  },
  {
    key: 'gatewright:identity-provider',
    on: 'oauth2-credential-provider',
    doc: 'Name of the OAuth credential provider of the enterprise’s identity provider: with `TOKEN_EXCHANGE`, the caller’s token is exchanged there for a grant (ID-JAG) that this provider’s authorization server takes.',
    check: words,
  },
  {
    key: 'gatewright:subject-token-type',
    on: 'oauth2-credential-provider',
    doc: 'What callers’ tokens are to that identity provider: `id_token` (default), `access_token` or `jwt`.',
    check: oneOf('id_token', 'access_token', 'jwt'),
  },
  {
    key: 'gatewright:workload-token',
    on: 'oauth2-credential-provider',
    doc: '`true`: with `CLIENT_CREDENTIALS`, the token of this process (`GATEWRIGHT_WORKLOAD_TOKEN_FILE`) stands for the client, by the grant of RFC 7523; its audience has to be the authorization server. `false` (default).',
    check: oneOf('true', 'false'),
  },
]);

/** Splits a list setting: words by white space, `+` inside a word standing for a space. */
export function splitWords(value: string): string[] {
  return value
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replaceAll('+', ' '));
}

/** The settings among some tags, key without the prefix. */
export function settingsOf(tags: Tags): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const [key, value] of Object.entries(tags))
    if (key.startsWith(SETTING_PREFIX)) settings[key.slice(SETTING_PREFIX.length)] = value;
  return settings;
}
