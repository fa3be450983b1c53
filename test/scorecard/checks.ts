// The security scorecard: each check, how much depends on it, and the tests that show it. A test is named by its file and
// a pattern of its full name; a check holds when every one of its patterns meets at least one test and all of them pass.

export interface Check {
  readonly id: string;
  /** `P0`: nothing is released without it. */
  readonly severity: 'P0' | 'P1' | 'P2';
  readonly what: string;
  readonly tests: readonly (readonly [file: string, name: RegExp])[];
}

const JWT = 'test/authorizer-jwt.test.ts';
const KEYS = 'test/authorizer-keys.test.ts';
const WIRE = 'test/authorizer-wire.test.ts';
const SIGV4 = 'src/core/sigv4-verify.test.ts';
const ACCESS = 'test/access.test.ts';
const MODEL = 'test/access-model.test.ts';
const EGRESS = 'src/upstream/egress.test.ts';
const NETWORK = 'src/upstream/hostile-network.test.ts';
const IAM = 'test/credentials-iam.test.ts';
const API_KEY = 'src/credentials/api-key/api-key.test.ts';
const VAULT = 'src/vault/vault.test.ts';
const VAULT_E2E = 'test/e2e/vault.test.ts';
const ATTACKS = 'test/mcp-attacks.test.ts';
const GRANTS = 'test/identity-grants.test.ts';
const CONSENT = 'test/identity-consent.test.ts';
const IDENTITY_API = 'test/identity-api.test.ts';
const TROUBLE = 'test/identity-trouble.test.ts';
const TWO_PROCESSES = 'test/e2e/identity-processes.test.ts';
const ARCHITECTURE = 'test/architecture.test.ts';
const SUPPLY = 'test/supply-chain.test.ts';
const PACKAGE = 'test/e2e/package.test.ts';

export const CHECKS: readonly Check[] = Object.freeze([
  {
    id: 'A1',
    severity: 'P0',
    what: 'no credentials: 401 that leads to the metadata, without an error code',
    tests: [[WIRE, /no credentials: a challenge without an error code/]],
  },
  {
    id: 'A2',
    severity: 'P0',
    what: 'no signature, and symmetric algorithms with public keys',
    tests: [[JWT, /forged tokens/]],
  },
  {
    id: 'A3',
    severity: 'P0',
    what: 'keys that the token brings or names are not used',
    tests: [[JWT, /none makes the gateway fetch/]],
  },
  {
    id: 'A5',
    severity: 'P0',
    what: 'other issuers',
    tests: [[JWT, /a slash more|another case|another port/]],
  },
  {
    id: 'A6',
    severity: 'P0',
    what: 'audience, client, scope, claims: exactly the conjunction',
    tests: [[JWT, /whole truth table/]],
  },
  {
    id: 'A7',
    severity: 'P0',
    what: 'times: expired, early, missing, no number, endless',
    tests: [[JWT, /exp missing|exp endless|tolerance/]],
  },
  {
    id: 'A10',
    severity: 'P0',
    what: 'tokens elsewhere than in one Authorization header',
    tests: [
      [JWT, /nothing but one bearer token counts/],
      [WIRE, /tokens in the query or the body/],
      [WIRE, /two Authorization headers/],
    ],
  },
  { id: 'A11', severity: 'P1', what: 'all invalid tokens get the same bytes', tests: [[WIRE, /same bytes/]] },
  {
    id: 'A12',
    severity: 'P0',
    what: 'key rotation, removed keys, floods of unknown key ids',
    tests: [
      [KEYS, /a new key works/],
      [KEYS, /a removed key dies/],
      [KEYS, /a flood of unknown key ids/],
    ],
  },
  {
    id: 'A13',
    severity: 'P0',
    what: 'outage of the provider: known keys for a day, never unseen ones',
    tests: [[KEYS, /known keys go on for a day/]],
  },
  {
    id: 'A15',
    severity: 'P0',
    what: 'SigV4: every change of a signed request is refused, official SDKs are served',
    tests: [
      [SIGV4, /refuses any change/],
      [SIGV4, /payloads that are not signed/],
      [SIGV4, /five minutes/],
      [ACCESS, /refuses everybody else/],
      [ACCESS, /serves whoever signs/],
    ],
  },
  {
    id: 'A16',
    severity: 'P1',
    what: 'SigV4: two independent signers agree',
    tests: [
      [SIGV4, /@smithy\/signature-v4 signs/],
      [SIGV4, /aws4 signs/],
    ],
  },
  {
    id: 'B19',
    severity: 'P0',
    what: 'every control-plane operation against everybody who may not run it',
    tests: [
      [MODEL, /refused without a signature/],
      [MODEL, /for those roles only/],
      [MODEL, /keys of another gateway/],
      [ACCESS, /the control plane/],
    ],
  },
  {
    id: 'B29',
    severity: 'P0',
    what: 'ids of other accounts are answered like ids of nothing',
    tests: [[MODEL, /ARNs of other accounts/]],
  },
  {
    id: 'B77',
    severity: 'P0',
    what: 'sessions, tasks, cursors and states of one user are of no use to another',
    tests: [
      [ATTACKS, /./],
      ['src/mcp/tokens.test.ts', /./],
    ],
  },
  {
    id: 'C31',
    severity: 'P0',
    what: 'addresses that are not public, in every spelling',
    tests: [
      [EGRESS, /refuses the literal/],
      [EGRESS, /other schemes/],
      [EGRESS, /any URL/],
      [KEYS, /a provider at a private address/],
    ],
  },
  {
    id: 'C32',
    severity: 'P0',
    what: 'DNS rebinding',
    tests: [
      [NETWORK, /names that change their address/],
      [EGRESS, /a name that resolves to a private address/],
    ],
  },
  { id: 'C33', severity: 'P0', what: 'redirects', tests: [[EGRESS, /follows no redirect/]] },
  {
    id: 'C35',
    severity: 'P1',
    what: 'proxies of the environment change nothing',
    tests: [[NETWORK, /proxies of the environment/]],
  },
  {
    id: 'C36',
    severity: 'P1',
    what: 'refusals do not tell open ports from closed ones',
    tests: [[NETWORK, /gives nothing away/]],
  },
  { id: 'C37', severity: 'P0', what: 'five bad TLS connections', tests: [[NETWORK, /certificates/]] },
  {
    id: 'C39',
    severity: 'P1',
    what: 'the operator’s list opens exactly what it names',
    tests: [[EGRESS, /follows the allow-list/]],
  },
  {
    id: 'C40',
    severity: 'P1',
    what: 'one door to the network',
    tests: [
      [ARCHITECTURE, /one door|network/],
      [NETWORK, /opens no connection at all/],
    ],
  },
  {
    id: 'D41',
    severity: 'P0',
    what: 'the caller’s token stays here',
    tests: [
      [WIRE, /the client’s token stays here/],
      ['test/propagation.test.ts', /./],
      [GRANTS, /T-50/],
    ],
  },
  {
    id: 'D42',
    severity: 'P0',
    what: 'JWT_PASSTHROUGH only where the operator allows it, and logged',
    tests: [[IAM, /JWT_PASSTHROUGH/]],
  },
  {
    id: 'D43',
    severity: 'P0',
    what: 'no token of another user, target, scope or provider',
    tests: [
      [GRANTS, /T-51/],
      [TWO_PROCESSES, /every call leaves as its own user/],
    ],
  },
  {
    id: 'D44',
    severity: 'P0',
    what: 'a consent that another user completes is void',
    tests: [
      [CONSENT, /T-70/],
      [CONSENT, /T-79/],
    ],
  },
  {
    id: 'D45',
    severity: 'P0',
    what: 'state, PKCE, issuer and callback: missing, wrong, used, of another',
    tests: [
      [CONSENT, /refuses a callback with/],
      [CONSENT, /T-71/],
      [CONSENT, /T-72/],
      [CONSENT, /T-76/],
      [CONSENT, /T-77/],
    ],
  },
  {
    id: 'D46',
    severity: 'P0',
    what: 'thirty return addresses that are not the allowed one',
    tests: [[CONSENT, /T-74/]],
  },
  {
    id: 'D49',
    severity: 'P1',
    what: 'metadata of another issuer',
    tests: [
      [TROUBLE, /is refused with/],
      [GRANTS, /wrong-issuer/],
    ],
  },
  {
    id: 'D50',
    severity: 'P0',
    what: 'two processes, expired tokens, one refresh a grant',
    tests: [[TWO_PROCESSES, /one refresh a grant/]],
  },
  {
    id: 'D52',
    severity: 'P1',
    what: 'token exchange: no foreign subject, nothing wider back',
    tests: [
      [GRANTS, /T-55/],
      [IDENTITY_API, /T-55/],
    ],
  },
  {
    id: 'D56',
    severity: 'P2',
    what: 'what is taken back is revoked at its server',
    tests: [[IDENTITY_API, /RFC 7009/]],
  },
  {
    id: 'D53',
    severity: 'P0',
    what: 'credentials cannot frame or break a request',
    tests: [
      [API_KEY, /frame the request/],
      ['test/control-plane-access.test.ts', /refuse keys that cannot be one/],
    ],
  },
  {
    id: 'D54',
    severity: 'P1',
    what: 'arguments cannot replace a credential',
    tests: [[API_KEY, /wins over what an argument/]],
  },
  {
    id: 'D55',
    severity: 'P1',
    what: 'echoed secrets are concealed',
    tests: [
      [API_KEY, /echo it|is concealed/],
      [GRANTS, /T-58/],
      [IAM, /assumes the gateway’s role once/],
    ],
  },
  {
    id: 'G81',
    severity: 'P0',
    what: 'a copy of the store holds no secret; moved, changed or cut values do not open',
    tests: [
      [VAULT_E2E, /a copy of the database/],
      [VAULT, /moved to another record/],
      [VAULT, /flipped bit/],
    ],
  },
  {
    id: 'G82',
    severity: 'P0',
    what: 'rotation of the master key, broken off by kill -9',
    tests: [
      [VAULT_E2E, /rotat/],
      [VAULT, /rotates/],
    ],
  },
  {
    id: 'G83',
    severity: 'P0',
    what: 'a missing or wrong master key: degraded start, none made up',
    tests: [
      ['test/e2e/durability.test.ts', /missing master key/],
      ['test/e2e/durability.test.ts', /another master key/],
      [VAULT, /not made anew/],
    ],
  },
  {
    id: 'G84',
    severity: 'P1',
    what: 'no operation answers with a stored secret',
    tests: [[MODEL, /answers with a secret/]],
  },
  {
    id: 'G87',
    severity: 'P1',
    what: 'packages without install scripts, locked by checksum, a complete bill of materials; no keys in the package',
    tests: [
      [SUPPLY, /./],
      [PACKAGE, /./],
    ],
  },
  {
    id: 'G88',
    severity: 'P0',
    what: 'fresh install: loopback, no default password, nobody unauthenticated beyond this machine',
    tests: [['test/e2e/quickstart.test.ts', /who may call/]],
  },
]);
