// A fact → one line of the log: the record of CloudTrail's shape ("CloudTrail record contents" in the AWS CloudTrail User
// Guide), its place in the chain, and the hash that covers both. Knows no file.

import { hash } from 'node:crypto';
import type { AuditActor, AuditFact, AuditResource } from '../core/audit.ts';
import { canonicalJson } from './canonical-json.ts';
import { userIdentity } from './user-identity.ts';

const EVENT_VERSION = '1.11';
const EVENT_SOURCE = 'bedrock-agentcore.amazonaws.com';
const MAX_MESSAGE = 1024;
/** Hexadecimal digits of SHA-256. */
const HASH_LENGTH = 64;
/** What the chain begins with. */
export const FIRST_HASH = '0'.repeat(HASH_LENGTH);
/** Between the canonical text and its hash on a line, and behind it. */
const HASH_MEMBER = ',"hash":"';
const LINE_END = '"}';

/** A fact that waits for its place in the chain. */
export interface PendingRecord {
  readonly fact: AuditFact;
  readonly eventId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What all records of one chain carry. */
export interface ChainScope {
  readonly node: string;
  readonly region: string;
  readonly accountId: string;
}

/** The end of a chain: the number and hash of its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** The record as a line without its line feed, and the chain's new head. */
export function sealRecord(
  record: PendingRecord,
  head: ChainHead,
  scope: ChainScope,
): { readonly line: string; readonly head: ChainHead } {
  const seq = head.seq + 1;
  const body = canonicalText(document(record, seq, head.hash, scope));
  const digest = hash('sha256', body);
  return { line: `${body.slice(0, -1)}${HASH_MEMBER}${digest}${LINE_END}`, head: { seq, hash: digest } };
}

interface Document {
  readonly [member: string]: unknown;
  readonly additionalEventData: object;
  readonly requestParameters: object | null;
  readonly responseElements: object | null;
}

/** The members in their canonical order, and those within them where their order is ours. */
function document(
  { fact, eventId, at }: PendingRecord,
  seq: number,
  prevHash: string,
  { node, region, accountId }: ChainScope,
): Document {
  const isOurs = fact.actor.kind === 'service';
  return {
    additionalEventData: additional(fact),
    awsRegion: region,
    errorCode: fact.errorCode,
    errorMessage: fact.errorMessage?.slice(0, MAX_MESSAGE),
    eventCategory: fact.category,
    eventID: eventId,
    eventName: fact.eventName,
    eventSource: fact.eventSource ?? EVENT_SOURCE,
    eventTime: timeText(at),
    eventType: fact.isServiceEvent === true ? 'AwsServiceEvent' : 'AwsApiCall',
    eventVersion: EVENT_VERSION,
    managementEvent: fact.category === 'Management',
    node,
    prevHash,
    readOnly: fact.isReadOnly,
    recipientAccountId: accountId,
    requestID: fact.requestId ?? eventId,
    requestParameters: fact.requestParameters ?? null,
    resources: fact.resources && listed(fact.resources, accountId),
    responseElements: fact.responseElements ?? null,
    seq,
    sourceIPAddress: fact.sourceIpAddress ?? (isOurs ? 'gatewright' : 'unknown'),
    userAgent: fact.userAgent ?? (isOurs ? 'gatewright' : ''),
    userIdentity: identityOf(fact.actor, accountId),
  };
}

/** What escapes a lone surrogate, which is no canonical text. */
const LONE_SURROGATE = '\\ud';

/** JSON.stringify gives the canonical text of what is in order already, at a fraction of the cost. */
function canonicalText(value: Document): string {
  const { additionalEventData, requestParameters, responseElements } = value;
  if (!isInOrder(requestParameters) || !isInOrder(responseElements) || !isInOrder(additionalEventData))
    return canonicalJson(value);
  const text = JSON.stringify(value);
  return text.includes(LONE_SURROGATE) ? canonicalJson(value) : text;
}

/** Whether the members of a flat object are in canonical order; what holds others is not looked into, and is not. */
function isInOrder(value: object | null): boolean {
  let before = '';
  for (const name in value) {
    if (name < before) return false;
    before = name;
    const member: unknown = (value as Readonly<Record<string, unknown>>)[name];
    if ((typeof member === 'object' && member !== null) || typeof member === 'bigint') return false;
  }
  return true;
}

function additional({
  durationMs,
  gatewayId,
  targetId,
  decision,
  phase,
  reason,
  tool,
  more,
}: AuditFact): object {
  const members = {
    decision,
    durationMs: durationMs === undefined ? undefined : Math.round(durationMs * 100) / 100,
    gateway: gatewayId,
    phase,
    reason: reason?.slice(0, MAX_MESSAGE),
    target: targetId,
    tool,
  };
  return more === undefined ? members : { ...more, ...members };
}

/** Records of one millisecond share the text. */
let lastTime = { at: Number.NaN, text: '' };
function timeText(at: number): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

/** Lists of resources are made once for a target, and callers once for a token: what is shown of them too. */
const resourceLists = new WeakMap<readonly AuditResource[], object>();
const identities = new WeakMap<object, unknown>();

function listed(resources: readonly AuditResource[], accountId: string): object {
  let list = resourceLists.get(resources);
  if (!list) {
    list = resources.map(({ arn, type }) => ({ ARN: arn, accountId, type }));
    resourceLists.set(resources, list);
  }
  return list;
}

function identityOf(actor: AuditActor, accountId: string): unknown {
  const who = actor.kind === 'principal' ? actor.principal : actor.kind === 'caller' ? actor.caller : actor;
  let identity = identities.get(who);
  if (identity === undefined) {
    // In order, once and for all.
    identity = JSON.parse(canonicalJson(userIdentity(actor, accountId)));
    identities.set(who, identity);
  }
  return identity;
}

/** A record as it was read back. */
export interface ReadRecord extends ChainHead {
  readonly prevHash: string;
  readonly node: string;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Reads a line that was sealed; undefined for anything whose hash is not its own, to the byte. */
export function readRecord(line: string): ReadRecord | undefined {
  const bodyEnd = line.length - LINE_END.length - HASH_LENGTH - HASH_MEMBER.length;
  if (bodyEnd <= 0 || !line.startsWith(HASH_MEMBER, bodyEnd) || !line.endsWith(LINE_END)) return undefined;
  const digest = line.slice(bodyEnd + HASH_MEMBER.length, -LINE_END.length);
  const body = `${line.slice(0, bodyEnd)}}`;
  if (hash('sha256', body) !== digest) return undefined;
  const members = parse(body);
  const { seq, prevHash, node } = members ?? {};
  if (!members || typeof seq !== 'number' || typeof prevHash !== 'string' || typeof node !== 'string')
    return undefined;
  return { seq, hash: digest, prevHash, node, members };
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
