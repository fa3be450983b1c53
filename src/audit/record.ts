// A fact → one line of the log: the record of CloudTrail's shape ("CloudTrail record contents" in the AWS CloudTrail User
// Guide), its place in the chain, and the hash that covers both. Knows no file.

import { hash } from 'node:crypto';
import type { AuditActor, AuditFact, AuditResource } from '../core/audit.ts';
import type { UsedCredential } from '../core/call-credential.ts';
import { canonicalJson, quote } from './canonical-json.ts';
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

/** A record in its place. */
export interface SealedRecord {
  /** The line, without its line feed. */
  readonly line: string;
  readonly head: ChainHead;
}

/**
 * Seals the records of one chain. Every call makes a record, so its text is put together from parts, in canonical order;
 * what stays the same for a target or a caller is text once and for all.
 */
export function createSealer(scope: ChainScope): (record: PendingRecord, head: ChainHead) => SealedRecord {
  const { accountId } = scope;
  const region = `,"awsRegion":${quote(scope.region)}`;
  const node = `,"node":${quote(scope.node)},"prevHash":"`;
  const account = `,"recipientAccountId":${quote(accountId)}`;
  const lists = new WeakMap<readonly AuditResource[], string>();
  const identities = new WeakMap<object, string>();

  function listed(resources: readonly AuditResource[]): string {
    let list = lists.get(resources);
    if (list === undefined) {
      list = canonicalJson(resources.map(({ arn, type }) => ({ ARN: arn, accountId, type })));
      lists.set(resources, list);
    }
    return list;
  }

  function identityOf(actor: AuditActor): string {
    const who = actor.kind === 'principal' ? actor.principal : actor.kind === 'caller' ? actor.caller : actor;
    let identity = identities.get(who);
    if (identity === undefined) {
      identity = canonicalJson(userIdentity(actor, accountId));
      identities.set(who, identity);
    }
    return identity;
  }

  function body({ fact, eventId, at }: PendingRecord, seq: number, prevHash: string): string {
    const { actor, errorCode, errorMessage, resources } = fact;
    const ourselves = actor.kind === 'service' ? 'gatewright' : undefined;
    const isManagement = fact.category === 'Management';
    return (
      `{"additionalEventData":${additional(fact)}${region}` +
      (errorCode === undefined ? '' : `,"errorCode":${quote(errorCode)}`) +
      (errorMessage === undefined ? '' : `,"errorMessage":${quote(errorMessage.slice(0, MAX_MESSAGE))}`) +
      `,"eventCategory":"${fact.category}","eventID":${quote(eventId)},"eventName":${quote(fact.eventName)}` +
      `,"eventSource":${quote(fact.eventSource ?? EVENT_SOURCE)},"eventTime":"${timeText(at)}"` +
      `,"eventType":"${fact.isServiceEvent === true ? 'AwsServiceEvent' : 'AwsApiCall'}"` +
      `,"eventVersion":"${EVENT_VERSION}","managementEvent":${isManagement}${node}${prevHash}"` +
      `,"readOnly":${fact.isReadOnly}${account},"requestID":${quote(fact.requestId ?? eventId)}` +
      `,"requestParameters":${fact.requestParameters ? canonicalText(fact.requestParameters) : 'null'}` +
      (resources ? `,"resources":${listed(resources)}` : '') +
      `,"responseElements":${fact.responseElements ? canonicalText(fact.responseElements) : 'null'},"seq":${seq}` +
      `,"sourceIPAddress":${quote(fact.sourceIpAddress ?? ourselves ?? 'unknown')}` +
      `,"userAgent":${quote(fact.userAgent ?? ourselves ?? '')},"userIdentity":${identityOf(actor)}}`
    );
  }

  return (record, head) => {
    const seq = head.seq + 1;
    const text = body(record, seq, head.hash);
    const digest = hash('sha256', text);
    return { line: `${text.slice(0, -1)}${HASH_MEMBER}${digest}${LINE_END}`, head: { seq, hash: digest } };
  };
}

/** What escapes a lone surrogate, which is no canonical text. */
const LONE_SURROGATE = '\\ud';

/** JSON.stringify gives the canonical text of what is in order already, at a fraction of the cost. */
function canonicalText(value: object): string {
  if (!isInOrder(value)) return canonicalJson(value);
  const text = JSON.stringify(value);
  return text.includes(LONE_SURROGATE) ? canonicalJson(value) : text;
}

/** Whether the members of a flat object are in canonical order; what holds others is not looked into, and is not. */
function isInOrder(value: object): boolean {
  let before = '';
  for (const name in value) {
    if (name < before) return false;
    before = name;
    const member: unknown = (value as Readonly<Record<string, unknown>>)[name];
    if ((typeof member === 'object' && member !== null) || typeof member === 'bigint') return false;
  }
  return true;
}

function additional(fact: AuditFact): string {
  const { credential, decision, durationMs, gatewayId, more, phase, reason, targetId, tool } = fact;
  const text =
    (credential ? `,"credential":${credentialText(credential)}` : '') +
    (decision === undefined ? '' : `,"decision":"${decision}"`) +
    (durationMs === undefined ? '' : `,"durationMs":${Math.round(durationMs * 100) / 100}`) +
    (gatewayId === undefined ? '' : `,"gateway":${quote(gatewayId)}`) +
    (phase === undefined ? '' : `,"phase":"${phase}"`) +
    (reason === undefined ? '' : `,"reason":${quote(reason.slice(0, MAX_MESSAGE))}`) +
    (targetId === undefined ? '' : `,"target":${quote(targetId)}`) +
    (tool === undefined ? '' : `,"tool":${quote(tool)}`);
  const members = `{${text.slice(1)}}`;
  return more ? canonicalJson({ ...more, ...(JSON.parse(members) as object) }) : members;
}

function credentialText({ destination, named, renewals, requests }: UsedCredential): string {
  const { grantType, providerArns, type } = named;
  const [providerArn] = providerArns;
  return (
    `{${destination === undefined ? '' : `"destination":${quote(destination)},`}` +
    (grantType === undefined ? '' : `"grantType":${quote(grantType)},`) +
    (providerArn === undefined ? '' : `"providerArn":${quote(providerArn)},`) +
    `"providerType":${quote(type)},"renewals":${renewals},"requests":${requests}}`
  );
}

/** Records of one millisecond share the text. */
let lastTime = { at: Number.NaN, text: '' };
function timeText(at: number): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
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
