// Counts that rooms keep of what they do: plain numbers, so that adding to them costs nothing, with names and labels from
// one table, so that there are never more series than are written here. What shows them is telemetry/'s matter.

import type { FlightCounts } from '../lib/single-flight.ts';
import { newTimes } from './times.ts';
import type { Times } from './times.ts';

const RESULT = ['hit', 'miss'] as const;
const OUTCOME = ['success', 'failure'] as const;

/** Everything that is counted: its name for Prometheus, and every value that its labels may have. */
export const COUNTS = Object.freeze({
  tokenCache: {
    name: 'gatewright_token_cache_requests_total',
    help: 'Access tokens for targets that were asked of the memory',
    labels: { result: RESULT },
  },
  tokenRequests: {
    name: 'gatewright_token_requests_total',
    help: 'Requests to token and revocation endpoints of authorization servers',
    labels: {
      grant_type: [
        'authorization_code',
        'client_credentials',
        'refresh_token',
        'token_exchange',
        'jwt_bearer',
        'revocation',
      ],
      outcome: OUTCOME,
    },
  },
  verifiedTokens: {
    name: 'gatewright_verified_token_cache_requests_total',
    help: 'Tokens of callers that were asked of the memory of verified ones',
    labels: { result: RESULT },
  },
  jwksFetches: {
    name: 'gatewright_jwks_fetches_total',
    help: 'Times that the signing keys of an identity provider were fetched',
    labels: { outcome: OUTCOME },
  },
  signIns: {
    name: 'gatewright_sign_ins_total',
    help: 'Attempts to sign in at the authorization server of this installation',
    labels: { outcome: ['success', 'refused', 'throttled'] },
  },
  searches: {
    name: 'gatewright_search_queries_total',
    help: 'Searches for tools by the best of what they were answered by',
    labels: { answered_by: ['lexical', 'words', 'sentences'] },
  },
  refusedSearches: {
    name: 'gatewright_search_refusals_total',
    help: 'Searches for tools that were refused or failed',
    labels: {},
  },
  embeddings: {
    name: 'gatewright_embedding_requests_total',
    help: 'Batches of texts that an embedder was asked for vectors of',
    labels: { purpose: ['query', 'tool'], outcome: OUTCOME },
  },
  vault: {
    name: 'gatewright_vault_operations_total',
    help: 'Secrets that the vault was to seal, open or rewrap',
    labels: { operation: ['seal', 'open', 'rewrap'], outcome: OUTCOME },
  },
  flights: {
    name: 'gatewright_single_flight_requests_total',
    help: 'Pieces of work that were begun, and askers who joined one under way',
    labels: {
      work: [
        'authorization_server_metadata',
        'aws_role',
        'client_registration',
        'consent_link',
        'function_code',
        'resource_metadata',
        'signing_keys',
        'snapshot',
        'token',
      ],
      result: ['run', 'joined'],
    },
  },
} as const);

/** Everything whose time is taken. */
export const TIMES = Object.freeze({
  tokenRequest: {
    name: 'gatewright_token_request_duration_seconds',
    help: 'Time that token and revocation endpoints took',
  },
  search: { name: 'gatewright_search_duration_seconds', help: 'Time that searches for tools took' },
} as const);

export type CountName = keyof typeof COUNTS;
type LabelsOf<N extends CountName> = (typeof COUNTS)[N]['labels'];
/** A value for each label of a count. */
export type LabelValues<N extends CountName> = {
  readonly [label in keyof LabelsOf<N>]: LabelsOf<N>[label] extends readonly (infer V extends string)[]
    ? V
    : never;
};

/** One count. Whoever has it adds to it. */
export interface Count {
  value: number;
}

/** One series as it is shown. */
export interface CountedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Figures {
  /** The count with these labels. Look it up once where it is added to often. */
  count<N extends CountName>(name: N, labels: LabelValues<N>): Count;
  readonly times: Readonly<Record<keyof typeof TIMES, Times>>;
  /** What single flights of a kind add to. */
  flights(work: LabelValues<'flights'>['work']): FlightCounts;
  /** All series of a count, those that nothing was added to as well. */
  series(name: CountName): readonly CountedSeries[];
}

/** Figures of one process, all of them zero. */
export function createFigures(): Figures {
  const counts = new Map<string, Count>();
  const flights = new Map<string, FlightCounts>();

  function cell(name: CountName, labels: Readonly<Record<string, string>>): Count {
    const values = Object.keys(COUNTS[name].labels).map((label) => labels[label] ?? '');
    const key = [name, ...values].join(' ');
    let count = counts.get(key);
    if (!count) counts.set(key, (count = { value: 0 }));
    return count;
  }

  function flightCounts(work: string): FlightCounts {
    let known = flights.get(work);
    if (!known) flights.set(work, (known = { runs: 0, joins: 0 }));
    return known;
  }

  return Object.freeze({
    count: (name, labels) => cell(name, labels as Readonly<Record<string, string>>),
    times: Object.freeze({ tokenRequest: newTimes(), search: newTimes() }),
    flights: flightCounts,
    series: (name) =>
      combinations(COUNTS[name].labels).map((labels) => ({
        labels,
        value:
          name === 'flights' ? flown(flightCounts(labels['work'] ?? ''), labels) : cell(name, labels).value,
      })),
  } satisfies Figures);
}

function flown({ runs, joins }: FlightCounts, { result }: Readonly<Record<string, string>>): number {
  return result === 'run' ? runs : joins;
}

/** Every combination of one value for each label. */
function combinations(
  labels: Readonly<Record<string, readonly string[]>>,
): readonly Readonly<Record<string, string>>[] {
  return Object.entries(labels).reduce<readonly Readonly<Record<string, string>>[]>(
    (sets, [label, values]) => sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value }))),
    [{}],
  );
}
