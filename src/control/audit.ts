// What the audit log is told of an operation: who asked for what, what was decided, what came of it. Members that the model
// calls sensitive are hidden, and so is everything that the model does not describe. Knows no file.

import { NO_AUDIT, userAgentOf } from '../core/audit.ts';
import type { Audit, AuditFact, AuditResource } from '../core/audit.ts';
import type { Caller } from '../core/access.ts';
import { GatewayError, toGatewayError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import { claimedAccessKeyId } from '../core/sigv4-verify.ts';
import { shapeOf } from './model/model.ts';
import type { ShapeRef } from './model/shape.ts';

/** CloudTrail's own word. */
const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';
const REQUEST_URI = 'urn:ietf:params:oauth:request_uri:';
const MAX_TEXT = 1024;
const MAX_ITEMS = 50;
const MAX_DOCUMENT = 16 * 1024;
const DENIALS: ReadonlySet<string> = new Set(['Unauthenticated', 'Forbidden']);
/** Members of inputs and outputs that name what an operation is about. */
const ARN_MEMBERS: Readonly<Record<string, string>> = {
  gatewayArn: 'AWS::BedrockAgentCore::Gateway',
  resourceArn: 'AWS::BedrockAgentCore::Resource',
  credentialProviderArn: 'AWS::BedrockAgentCore::CredentialProvider',
  workloadIdentityArn: 'AWS::BedrockAgentCore::WorkloadIdentity',
  FunctionArn: 'AWS::Lambda::Function',
  LayerVersionArn: 'AWS::Lambda::LayerVersion',
};

/** An operation of either API, as far as the log has to know it. */
export interface AuditedOperation {
  readonly name: string;
  readonly input: ShapeRef;
  readonly output: ShapeRef;
  readonly readonly?: true;
}

export interface AuditedRequest {
  readonly requestId: string;
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly remoteAddress?: string;
}

/** The trail of one operation. */
export interface Trail {
  operation: AuditedOperation | undefined;
  caller: Caller | undefined;
  input: JsonObject | undefined;
  readonly requestId: string | undefined;
  /** It looks like reading, but hands out a secret. */
  revealsSecret: boolean;
  /** Before anything is changed. @throws GatewayError Unavailable where the log is required and cannot be written */
  intent(): Promise<void> | undefined;
  /** Before the answer. @throws as `intent`, when something was changed */
  end(output: JsonObject | undefined, durationMs: number): Promise<void> | undefined;
  /** Instead of an end. Without effect after one. */
  fail(thrown: unknown, durationMs: number): void;
}

/** Begins a trail. `request` is absent for what the process does of itself. */
export function beginTrail(
  audit: Audit | undefined,
  request: AuditedRequest | undefined,
  arnOf: (gatewayId: string) => string,
  eventSource?: string,
): Trail | undefined {
  const log = audit ?? NO_AUDIT;
  if (log.mode === 'off') return undefined;
  let isAnnounced = false;
  let isEnded = false;

  function fact(trail: Trail, output?: JsonObject): AuditFact {
    const { operation, caller, input } = trail;
    const accessKeyId = request && claimedAccessKeyId(request.headers);
    const isReadOnly = operation?.readonly === true;
    const { gatewayId, targetId, resources } = subjectOf(input, output, arnOf);
    return {
      eventName: operation?.name ?? 'UnknownOperation',
      ...(eventSource === undefined ? {} : { eventSource }),
      category: 'Management',
      isReadOnly,
      actor: caller
        ? { kind: 'caller', caller }
        : { kind: 'unknown', ...(accessKeyId === undefined ? {} : { accessKeyId }) },
      ...(request
        ? {
            requestId: request.requestId,
            ...userAgentOf(request.headers),
            ...(request.remoteAddress === undefined ? {} : { sourceIpAddress: request.remoteAddress }),
          }
        : { sourceIpAddress: 'gatewright', userAgent: 'gatewright' }),
      // Of a caller who has proved nothing the words are nobody's.
      ...(operation && input && caller ? { requestParameters: shown(operation.input, input) } : {}),
      ...(operation && output && !isReadOnly ? { responseElements: shown(operation.output, output) } : {}),
      ...(gatewayId === undefined ? {} : { gatewayId }),
      ...(targetId === undefined ? {} : { targetId }),
      ...(resources.length === 0 ? {} : { resources }),
    };
  }

  return {
    operation: undefined,
    caller: undefined,
    input: undefined,
    requestId: request?.requestId,
    revealsSecret: false,
    intent() {
      if (log.mode !== 'required' || (this.operation?.readonly === true && !this.revealsSecret))
        return undefined;
      isAnnounced = true;
      return log.commit({ ...fact(this), decision: 'allow', phase: 'intent' });
    },
    end(output, durationMs) {
      isEnded = true;
      const done: AuditFact = {
        ...fact(this, output),
        durationMs,
        decision: 'allow',
        ...(isAnnounced ? { phase: 'outcome' } : {}),
      };
      if (isAnnounced) return log.commit(done, true)?.catch(afterwards);
      log.record(done);
      return undefined;
    },
    fail(thrown, durationMs) {
      // What an answer fails on after it was recorded changes nothing of what was done.
      if (isEnded) return;
      isEnded = true;
      const { code, message } = toGatewayError(thrown);
      const isDenied = DENIALS.has(code);
      log.record({
        ...fact(this),
        durationMs,
        decision: isDenied ? 'deny' : 'allow',
        ...(isDenied ? { reason: message } : {}),
        ...(isAnnounced ? { phase: 'outcome' } : {}),
        errorCode: code,
        errorMessage: message,
      });
    },
  };
}

/** What has been done cannot be refused any more: whoever asked has to know. */
function afterwards(thrown: unknown): never {
  throw new GatewayError(
    'Unavailable',
    'The operation was carried out, but its outcome cannot be written to the audit log at the moment (GATEWRIGHT_AUDIT=required). Read the resource to see its state.',
    { cause: thrown },
  );
}

function subjectOf(
  input: JsonObject | undefined,
  output: JsonObject | undefined,
  arnOf: (gatewayId: string) => string,
): { readonly gatewayId?: string; readonly targetId?: string; readonly resources: readonly AuditResource[] } {
  const both = { ...input, ...output };
  const gatewayId = textOf(input?.['gatewayIdentifier']) ?? textOf(output?.['gatewayId']);
  const targetId = textOf(input?.['targetId']) ?? textOf(output?.['targetId']);
  const named = Object.entries(ARN_MEMBERS).flatMap(([member, type]) => {
    const arn = textOf(both[member]);
    return arn === undefined ? [] : [{ arn, type }];
  });
  const gateway =
    gatewayId === undefined
      ? []
      : [{ arn: arnOf(gatewayId), type: 'AWS::BedrockAgentCore::Gateway' }].filter(
          ({ arn }) => !named.some((other) => other.arn === arn),
        );
  return {
    resources: [...named, ...gateway],
    ...(gatewayId === undefined ? {} : { gatewayId }),
    ...(targetId === undefined ? {} : { targetId }),
  };
}

const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value.slice(0, MAX_TEXT) : undefined;

/** A value as the log may show it. */
export function shown(shape: ShapeRef, value: JsonObject): JsonObject {
  const members = visible(shape, value);
  if (!isJsonObject(members)) return { omitted: HIDDEN };
  const { length } = JSON.stringify(members);
  return length <= MAX_DOCUMENT ? members : { omitted: `${length} characters` };
}

function visible(ref: ShapeRef, value: JsonValue): JsonValue {
  const shape = shapeOf(ref);
  switch (shape.type) {
    case 'string':
      return typeof value === 'string' && shape.sensitive !== true ? plain(value) : HIDDEN;
    case 'integer':
    case 'double':
    case 'timestamp':
      return typeof value === 'number' || shape.type === 'timestamp' ? value : HIDDEN;
    case 'boolean':
      return typeof value === 'boolean' ? value : HIDDEN;
    case 'list':
      return Array.isArray(value)
        ? (value as readonly JsonValue[]).slice(0, MAX_ITEMS).map((item) => visible(shape.member, item))
        : HIDDEN;
    case 'map':
      return isJsonObject(value) ? mapped(value, () => shape.value) : HIDDEN;
    case 'structure':
    case 'union':
      return isJsonObject(value)
        ? mapped(value, (name) =>
            Object.hasOwn(shape.members, name) ? shape.members[name]?.shape : undefined,
          )
        : HIDDEN;
    default:
      return HIDDEN;
  }
}

function mapped(value: JsonObject, shapeFor: (name: string) => ShapeRef | undefined): JsonObject {
  const members: Record<string, JsonValue> = {};
  let left = MAX_ITEMS;
  for (const [name, member] of Object.entries(value)) {
    const shape = shapeFor(name);
    if (member === undefined || shape === undefined) continue;
    left -= 1;
    if (left < 0) break;
    Object.defineProperty(members, name.slice(0, MAX_TEXT), {
      value: visible(shape, member),
      enumerable: true,
    });
  }
  return members;
}

/**
 * Addresses lose what may be a password or a key in them: user information, query and fragment. A session of a consent is
 * known by its name alone (RFC 9126 §2.2).
 */
function plain(text: string): string {
  if (text.startsWith(REQUEST_URI)) return HIDDEN;
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(cut)) return cut;
  return cut.replace(/^([^/?#]*\/\/)[^/?#]*@/, '$1').replace(/[?#].*$/s, (rest) => `${rest[0]}${HIDDEN}`);
}
