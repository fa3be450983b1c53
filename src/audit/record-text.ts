// A fact → the text of its record in CloudTrail's shape ("CloudTrail record contents" in the AWS CloudTrail User Guide), as
// canonical JSON without what only its place in the chain tells. Every call makes one, and it waits for a moment: so it is
// put together from parts at once, what stays the same for a target or a caller is text once and for all, and it waits as
// bytes outside of the heap, where the collector has nothing to copy.

import type { AuditActor, AuditFact, AuditResource } from '../core/audit.ts';
import type { UsedCredential } from '../core/call-credential.ts';
import type { JsonObject } from '../core/json.ts';
import { canonicalJson, quote } from './canonical-json.ts';
import { userIdentity } from './user-identity.ts';

const EVENT_VERSION = '1.11';
const EVENT_SOURCE = 'bedrock-agentcore.amazonaws.com';
const MAX_MESSAGE = 1024;
/** Texts of names that are kept: so many, up to this length. */
const MAX_NAMES = 4096;
const MAX_NAME = 256;
/** Memory for the texts of some dozens of records (bytes), and how many such rooms are kept for others. */
const ROOM_BYTES = 64 * 1024;
const KEPT_ROOMS = 32;

/** What all records of an installation carry. */
export interface RecordScope {
  readonly region: string;
  readonly accountId: string;
}

/** Memory that texts of records lie in, until all of them are let go of. */
interface Room {
  readonly bytes: Buffer;
  waiting: number;
}

/** A record that waits for its place in the chain: bytes of canonical JSON that two members are missing from. */
export interface PendingRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly room: Room;
  readonly start: number;
  /** Here `node` and `prevHash` go. */
  readonly link: number;
  /** Here the number goes. */
  readonly number: number;
  readonly end: number;
}

export interface RecordTexts {
  /** The text of a fact. @param now milliseconds since the epoch */
  make(fact: AuditFact, eventId: string, now: number): PendingRecord;
  /** The record is written: its memory may be used again. Of one that is not let go of the collector takes it. */
  release(record: PendingRecord): void;
}

/** The texts of one log. */
export function createRecordTexts(scope: RecordScope): RecordTexts {
  const { accountId } = scope;
  const region = `,"awsRegion":${quote(scope.region)}`;
  const account = `,"recipientAccountId":${quote(accountId)}`;
  const lists = new WeakMap<readonly AuditResource[], string>();
  const identities = new WeakMap<object, string>();
  const free: Room[] = [];
  const build = (bytes: number): Room => ({ bytes: Buffer.allocUnsafeSlow(bytes), waiting: 0 });
  let room = build(ROOM_BYTES);
  let used = 0;

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

  function keep(at: number, front: string, middle: string, back: string): PendingRecord {
    // UTF-8 takes at most three bytes for a UTF-16 code unit.
    const most = 3 * (front.length + middle.length + back.length);
    if (used + most > room.bytes.length) {
      room = most > ROOM_BYTES ? build(most) : (free.pop() ?? build(ROOM_BYTES));
      used = 0;
    }
    const { bytes } = room;
    room.waiting += 1;
    const start = used;
    const text = front + middle + back;
    used += bytes.write(text, start);
    // As many bytes as code units: it is plain ASCII, and its parts are as long as their texts.
    const isPlain = used - start === text.length;
    const link = start + (isPlain ? front.length : Buffer.byteLength(front));
    const number = link + (isPlain ? middle.length : Buffer.byteLength(middle));
    return { at, room, start, link, number, end: used };
  }

  function release(record: PendingRecord): void {
    const left = record.room;
    left.waiting -= 1;
    if (left.waiting > 0) return;
    if (left === room) used = 0;
    else if (left.bytes.length === ROOM_BYTES && free.length < KEPT_ROOMS) free.push(left);
  }

  function make(fact: AuditFact, eventId: string, now: number): PendingRecord {
    const { actor, errorCode, errorMessage, resources } = fact;
    const ourselves = actor.kind === 'service' ? 'gatewright' : undefined;
    return keep(
      now,
      `{"additionalEventData":${additional(fact)}${region}` +
        (errorCode === undefined ? '' : `,"errorCode":${quoteName(errorCode)}`) +
        (errorMessage === undefined ? '' : `,"errorMessage":${quote(errorMessage.slice(0, MAX_MESSAGE))}`) +
        `,"eventCategory":"${fact.category}","eventID":${quote(eventId)},"eventName":${quoteName(fact.eventName)}` +
        `,"eventSource":${quoteName(fact.eventSource ?? EVENT_SOURCE)},"eventTime":"${timeText(now)}"` +
        `,"eventType":"${fact.isServiceEvent === true ? 'AwsServiceEvent' : 'AwsApiCall'}"` +
        `,"eventVersion":"${EVENT_VERSION}","managementEvent":${fact.category === 'Management'}`,
      `,"readOnly":${fact.isReadOnly}${account},"requestID":${quote(fact.requestId ?? eventId)}` +
        `,"requestParameters":${fact.requestParameters ? canonicalText(fact.requestParameters) : 'null'}` +
        (resources ? `,"resources":${listed(resources)}` : '') +
        `,"responseElements":${fact.responseElements ? canonicalText(fact.responseElements) : 'null'},"seq":`,
      `,"sourceIPAddress":${quoteName(fact.sourceIpAddress ?? ourselves ?? 'unknown')}` +
        `,"userAgent":${quoteName(fact.userAgent ?? ourselves ?? '')},"userIdentity":${identityOf(actor)}}`,
    );
  }

  return { make, release };
}

/** Objects that never change, and their texts. */
const texts = new WeakMap<JsonObject, string>();

/** The canonical text of an object. Of a flat one whose members are in order it takes a fraction of the time. */
function canonicalText(value: JsonObject): string {
  const known = texts.get(value);
  if (known !== undefined) return known;
  let text = '';
  let before = '';
  for (const name in value) {
    const member = value[name];
    if (name < before || (typeof member === 'object' && member !== null)) return canonicalJson(value);
    before = name;
    if (member !== undefined) text += `,${quoteName(name)}:${canonicalJson(member)}`;
  }
  const whole = `{${text.slice(1)}}`;
  if (Object.isFrozen(value)) texts.set(value, whole);
  return whole;
}

function additional(fact: AuditFact): string {
  const { credential, decision, durationMs, gatewayId, more, phase, reason, targetId, tool } = fact;
  const text =
    (credential ? `,"credential":${credentialText(credential)}` : '') +
    (decision === undefined ? '' : `,"decision":"${decision}"`) +
    (durationMs === undefined ? '' : `,"durationMs":${Math.round(durationMs * 100) / 100}`) +
    (gatewayId === undefined ? '' : `,"gateway":${quoteName(gatewayId)}`) +
    (phase === undefined ? '' : `,"phase":"${phase}"`) +
    (reason === undefined ? '' : `,"reason":${quote(reason.slice(0, MAX_MESSAGE))}`) +
    (targetId === undefined ? '' : `,"target":${quoteName(targetId)}`) +
    (tool === undefined ? '' : `,"tool":${quoteName(tool)}`);
  const members = `{${text.slice(1)}}`;
  return more ? canonicalJson({ ...more, ...(JSON.parse(members) as object) }) : members;
}

function credentialText({ destination, named, renewals, requests }: UsedCredential): string {
  // Which provider it is, `resources` says.
  const { grantType, type } = named;
  return (
    `{${destination === undefined ? '' : `"destination":${quoteName(destination)},`}` +
    (grantType === undefined ? '' : `"grantType":${quote(grantType)},`) +
    `"providerType":${quoteName(type)},"renewals":${renewals},"requests":${requests}}`
  );
}

/** Names of gateways, targets, tools and events are few, and the same in record after record. */
const names = new Map<string, string>();
function quoteName(name: string): string {
  if (name.length > MAX_NAME) return quote(name);
  let text = names.get(name);
  if (text === undefined) {
    if (names.size >= MAX_NAMES) names.clear();
    names.set(name, (text = quote(name)));
  }
  return text;
}

/** Records of one millisecond share the text. */
let lastTime = { at: Number.NaN, text: '' };
function timeText(at: number): string {
  if (lastTime.at !== at) lastTime = { at, text: new Date(at).toISOString() };
  return lastTime.text;
}
