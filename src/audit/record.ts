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
  const body = render(record, seq, head.hash, scope);
  const digest = hash('sha256', `${body}}`);
  return { line: `${body}${HASH_MEMBER}${digest}${LINE_END}`, head: { seq, hash: digest } };
}

/**
 * The canonical text without its last brace. Written member by member in their canonical order: on the way of every call
 * this is most of what a record costs. Ids, times and hashes need no escaping.
 */
function render(
  { fact, eventId, at }: PendingRecord,
  seq: number,
  prevHash: string,
  { node, region, accountId }: ChainScope,
): string {
  const isOurs = fact.actor.kind === 'service';
  const { requestParameters, responseElements, resources, requestId } = fact;
  let text = `{"additionalEventData":${additional(fact)},"awsRegion":"${region}"`;
  if (fact.errorCode !== undefined) text += `,"errorCode":${quote(fact.errorCode)}`;
  if (fact.errorMessage !== undefined) text += `,"errorMessage":${quote(fact.errorMessage, MAX_MESSAGE)}`;
  text += `,"eventCategory":"${fact.category}","eventID":"${eventId}","eventName":${quote(fact.eventName)}`;
  text += `,"eventSource":"${fact.eventSource ?? EVENT_SOURCE}","eventTime":"${timeText(at)}","eventType":"`;
  text += fact.isServiceEvent === true ? 'AwsServiceEvent' : 'AwsApiCall';
  text += `","eventVersion":"${EVENT_VERSION}","managementEvent":${fact.category === 'Management'}`;
  text += `,"node":"${node}","prevHash":"${prevHash}","readOnly":${fact.isReadOnly}`;
  text += `,"recipientAccountId":"${accountId}","requestID":${requestId === undefined ? `"${eventId}"` : quote(requestId)}`;
  text += `,"requestParameters":${requestParameters === undefined ? 'null' : canonicalJson(requestParameters)}`;
  if (resources !== undefined) text += `,"resources":${resourcesText(resources, accountId)}`;
  text += `,"responseElements":${responseElements === undefined ? 'null' : canonicalJson(responseElements)}`;
  text += `,"seq":${seq},"sourceIPAddress":${quote(fact.sourceIpAddress ?? (isOurs ? 'gatewright' : 'unknown'))}`;
  text += `,"userAgent":${quote(fact.userAgent ?? (isOurs ? 'gatewright' : ''))}`;
  return `${text},"userIdentity":${identityText(fact.actor, accountId)}`;
}

function additional(fact: AuditFact): string {
  const { durationMs, gatewayId, targetId, decision, phase, reason, tool, more } = fact;
  const members = {
    decision,
    durationMs: durationMs === undefined ? undefined : Math.round(durationMs * 100) / 100,
    gateway: gatewayId,
    phase,
    reason: reason?.slice(0, MAX_MESSAGE),
    target: targetId,
    tool,
  };
  return canonicalJson(more === undefined ? members : { ...more, ...members });
}

const quote = (text: string, max = Infinity): string => {
  const cut = text.length > max ? text.slice(0, max) : text;
  return canonicalJson(cut);
};

/** Records of one millisecond share the text. */
let lastTime = { at: Number.NaN, text: '' };
function timeText(at: number): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}

/** Lists of resources are made once for a target, and callers once for a token: their texts too. */
const resourceTexts = new WeakMap<readonly AuditResource[], string>();
const identityTexts = new WeakMap<object, string>();

function resourcesText(resources: readonly AuditResource[], accountId: string): string {
  let text = resourceTexts.get(resources);
  if (text === undefined) {
    text = canonicalJson(resources.map(({ arn, type }) => ({ ARN: arn, accountId, type })));
    resourceTexts.set(resources, text);
  }
  return text;
}

function identityText(actor: AuditActor, accountId: string): string {
  const who =
    actor.kind === 'principal' ? actor.principal : actor.kind === 'caller' ? actor.caller : undefined;
  let text = who && identityTexts.get(who);
  if (text === undefined) {
    text = canonicalJson(userIdentity(actor, accountId));
    if (who) identityTexts.set(who, text);
  }
  return text;
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
