// The table of settings: names, defaults, parsers and meanings. config.ts reads them; `--help`, the keys of the file and
// docs/config.md are made of it.

import {
  parseAccessKeyId,
  parseAllowList,
  parseBaseUrl,
  parseCount,
  parseDatabaseUrl,
  parseLevel,
  parseListen,
  parseOrigins,
  parsePattern,
  parseProxies,
  parseSecret,
  parseText,
  parseToggle,
  parseWorkers,
} from './config-values.ts';
import { readStdioServers } from './upstream/stdio/configuration.ts';

export interface Setting {
  /** Environment variable. */
  readonly variable: string;
  /** Command-line flag without dashes; also the key in the file. */
  readonly flag: string;
  readonly placeholder: string;
  readonly defaultText: string;
  readonly doc: string;
  readonly isSecret?: boolean;
  /** The flag may stand without a value, and then means `true`. */
  readonly isSwitch?: boolean;
  /** Text → value. @throws RangeError that says what is wrong; AggregateError when it is more than one thing */
  readonly parse: (text: string, env: Readonly<Record<string, string | undefined>>) => unknown;
}

const setting = (
  flag: string,
  placeholder: string,
  defaultText: string,
  doc: string,
  parse: Setting['parse'],
  isSecret = false,
): Setting => ({
  variable: `GATEWRIGHT_${flag.replaceAll('-', '_').toUpperCase()}`,
  flag,
  placeholder,
  defaultText,
  doc,
  parse,
  isSecret,
});

const toggle = (flag: string, defaultText: string, doc: string): Setting => ({
  ...setting(flag, 'true|false', defaultText, doc, parseToggle),
  isSwitch: true,
});

export const SETTINGS: readonly Setting[] = Object.freeze([
  setting(
    'listen',
    'host:port',
    '127.0.0.1:8080',
    'data plane, control plane and console on one listener',
    parseListen,
  ),
  setting(
    'admin-listen',
    'host:port',
    'unset',
    'when set, control plane and console move to this listener and leave the first one',
    parseListen,
  ),
  setting('public-url', 'url', 'http://<listen>', 'base of every URL handed out', parseBaseUrl),
  setting('data-dir', 'folder', './.gatewright', 'database file, master key, first credentials', parseText),
  setting(
    'database-url',
    'postgres://…',
    'unset: SQLite in the data directory',
    'PostgreSQL for many nodes, which share it; each needs the same master key',
    parseDatabaseUrl,
    true,
  ),
  setting(
    'master-key-file',
    'file',
    '<data dir>/master.key',
    'key-encryption key of the vault; made on first start, mode 0600',
    parseText,
  ),
  setting(
    'master-key',
    'base64',
    'unset',
    'the key-encryption key itself instead of a file: 32 bytes in base64; while rotating, the new one, a comma, the old one',
    parseSecret,
    true,
  ),
  setting(
    'master-key-kms',
    'arn',
    'unset',
    'AWS KMS key that the key-encryption key is wrapped with, instead of a plain file',
    parsePattern(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/\S+$/, 'must be the ARN of a KMS key'),
  ),
  setting(
    'access-key-id',
    'id',
    'made on first start',
    'first operator access key, for SigV4; kept in <data dir>/credentials',
    parseAccessKeyId,
  ),
  setting('secret-access-key', 'secret', 'made on first start', 'its secret', parseSecret, true),
  setting(
    'region',
    'name',
    'us-east-1',
    'what ARNs and signatures carry',
    parsePattern(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be a region name such as us-east-1'),
  ),
  setting(
    'account-id',
    '12 digits',
    '000000000000',
    'what ARNs carry',
    parsePattern(/^\d{12}$/, 'must be 12 digits'),
  ),
  setting(
    'egress-allow',
    'list',
    'unset',
    'comma list of host, host:port, CIDR, CIDR:port that targets and identity providers may have although they are not public addresses; plain http:// is accepted for these only',
    parseAllowList,
  ),
  setting(
    'allowed-origins',
    'list',
    'its own origin, and loopback origins while it listens on loopback',
    'comma list of origins whose pages may call the data plane',
    parseOrigins,
  ),
  setting(
    'trusted-proxies',
    'list',
    'unset',
    'comma list of addresses and CIDRs of reverse proxies: behind them a client’s address is that in X-Forwarded-For, read from the right; for limits, aws:SourceIp and the log',
    parseProxies,
  ),
  setting(
    'workload-token-file',
    'file',
    'unset',
    'JWT that this process is known by where it runs (Kubernetes, a cloud): credential providers with the tag gatewright:workload-token use it instead of a secret; read at each use',
    parseText,
  ),
  toggle(
    'allow-unauthenticated',
    'false',
    'let anybody call gateways without an authorizer (NONE) although the listener is not on loopback',
  ),
  toggle(
    'allow-jwt-passthrough',
    'false',
    'let targets be called with the tokens of callers as they are (JWT_PASSTHROUGH)',
  ),
  setting(
    'gateway-domain',
    'domain',
    'unset',
    'serve each gateway at https://{gatewayId}.<domain>/mcp',
    parsePattern(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?$/i, 'must be a domain name'),
  ),
  setting(
    'stdio-servers',
    'file',
    'unset',
    'programs of this machine that targets may use as MCP servers: JSON in the form of MCP clients, {"mcpServers": {…}}',
    readStdioServers,
  ),
  setting(
    'authorization-server',
    'local|upstream',
    'unset: off',
    'an OAuth server for MCP clients at <public url>/oauth: users of its own (gatewright users), or those of a provider',
    parsePattern(/^(local|upstream)$/, 'must be local or upstream'),
  ),
  setting(
    'sign-in-discovery-url',
    'url',
    'unset',
    'with upstream: the provider where users sign in (…/.well-known/openid-configuration)',
    parsePattern(
      /^https?:\/\/.+\/\.well-known\/openid-configuration$/,
      'must be a URL that ends with /.well-known/openid-configuration',
    ),
  ),
  setting('sign-in-client-id', 'id', 'unset', 'with upstream: client id at that provider', parseText),
  setting('sign-in-client-secret', 'secret', 'unset', 'with upstream: its secret', parseSecret, true),
  setting(
    'sign-in-scopes',
    'list',
    'openid profile email',
    'with upstream: scopes to sign in with, separated by spaces',
    parsePattern(/^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$/, 'must begin with openid'),
  ),
  setting(
    'functions',
    'auto|on|off',
    'auto',
    'local functions (the AWS Lambda API): their code runs on this machine, so auto means on only while the control plane listens on loopback',
    parsePattern(/^(auto|on|off)$/, 'must be auto, on or off'),
  ),
  setting(
    'function-processes',
    'n',
    '32',
    'processes of local functions at the same time; calls beyond are throttled',
    parseCount,
  ),
  setting(
    'function-sandbox',
    'auto|required|off',
    'auto',
    'namespaces around local functions: where the system allows them; or nothing runs without them; or none',
    parsePattern(/^(auto|required|off)$/, 'must be auto, required or off'),
  ),
  setting(
    'workers',
    'n|auto',
    '1',
    'processes that serve, behind one address; auto: as many as there are cores. SIGHUP renews them one by one',
    parseWorkers,
  ),
  setting(
    'max-requests',
    'n',
    '2000',
    'requests to gateways under way at the same time, in one process; those beyond are answered 503 with Retry-After',
    parseCount,
  ),
  setting(
    'metrics-token',
    'secret',
    'unset',
    'who reads /metrics has to show it as a bearer token; without it /metrics is served on loopback and on the admin listener only',
    parseSecret,
    true,
  ),
  setting(
    'audit',
    'off|best-effort|required',
    'best-effort',
    'the audit log in <data dir>/audit; required: what cannot be recorded is refused with 503',
    parsePattern(/^(off|best-effort|required)$/, 'must be off, best-effort or required'),
  ),
  toggle(
    'audit-arguments',
    'false',
    'show arguments and results of calls in the audit log, instead of keyed hashes of them',
  ),
  setting(
    'audit-retention-days',
    'n',
    '365',
    'days that records of the audit log are kept; whole signed segments that are older are deleted',
    parseCount,
  ),
  setting(
    'log-level',
    'level',
    'info',
    'error, warn, info or debug; one JSON line an event on stdout',
    parseLevel,
  ),
]);
