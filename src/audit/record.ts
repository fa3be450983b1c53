// A fact → one line of the log: the record of CloudTrail's shape ("CloudTrail record contents" in the AWS CloudTrail User
// Guide), its place in the chain, and the hash that covers both. Knows no file.

import { hash } from 'node:crypto';
import type { AuditFact } from '../core/audit.ts';
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
  const body = canonicalJson(document(record, { seq, prevHash: head.hash }, scope));
  const digest = hash('sha256', body);
  return { line: `${body.slice(0, -1)}${HASH_MEMBER}${digest}${LINE_END}`, head: { seq, hash: digest } };
}

/** The members in their canonical order, so that they need no sorting. */
function document(
  { fact, eventId, at }: PendingRecord,
  { seq, prevHash }: { readonly seq: number; readonly prevHash: string },
  { node, region, accountId }: ChainScope,
): Readonly<Record<string, unknown>> {
  const { durationMs } = fact;
  const additional = {
    ...fact.more,
    decision: fact.decision,
    durationMs: durationMs === undefined ? undefined : Math.round(durationMs * 100) / 100,
    gateway: fact.gatewayId,
    phase: fact.phase,
    reason: fact.reason?.slice(0, MAX_MESSAGE),
    target: fact.targetId,
    tool: fact.tool,
  };
  return {
    additionalEventData: additional,
    awsRegion: region,
    errorCode: fact.errorCode,
    errorMessage: fact.errorMessage?.slice(0, MAX_MESSAGE),
    eventCategory: fact.category,
    eventID: eventId,
    eventName: fact.eventName,
    eventSource: fact.eventSource ?? EVENT_SOURCE,
    eventTime: new Date(at).toISOString(),
    eventType: fact.isServiceEvent === true ? 'AwsServiceEvent' : 'AwsApiCall',
    eventVersion: EVENT_VERSION,
    managementEvent: fact.category === 'Management',
    node,
    prevHash,
    readOnly: fact.isReadOnly,
    recipientAccountId: accountId,
    requestID: fact.requestId ?? eventId,
    requestParameters: fact.requestParameters ?? null,
    resources: fact.resources?.map(({ arn, type }) => ({ ARN: arn, accountId, type })),
    responseElements: fact.responseElements ?? null,
    seq,
    sourceIPAddress: fact.sourceIpAddress ?? (fact.actor.kind === 'service' ? 'gatewright' : 'unknown'),
    userAgent: fact.userAgent ?? (fact.actor.kind === 'service' ? 'gatewright' : ''),
    userIdentity: userIdentity(fact.actor, accountId),
  };
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
