// How an operation of a Smithy service is called: the contract between the import, which writes plans, and the call,
// which reads them. JSON: the operation's plan has the slice of the model that this operation needs, and what all
// operations of the service have in common stands once, in the catalogue's `shared` text.

import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { CredentialPlacement } from '../../core/outbound.ts';
import { trait, type ShapeType, type Traits } from './model.ts';

/** Names of the protocols that can be spoken, by the id of their trait. */
export const PROTOCOLS = {
  'smithy.protocols#rpcv2Cbor': 'rpcv2Cbor',
  'smithy.protocols#rpcv2Json': 'rpcv2Json',
  'aws.protocols#restJson1': 'restJson1',
  'aws.protocols#awsJson1_0': 'awsJson1_0',
  'aws.protocols#awsJson1_1': 'awsJson1_1',
  'aws.protocols#restXml': 'restXml',
  'aws.protocols#awsQuery': 'awsQuery',
  'aws.protocols#ec2Query': 'ec2Query',
} as const;

export type ProtocolName = (typeof PROTOCOLS)[keyof typeof PROTOCOLS];

export interface PlanMember {
  readonly name: string;
  readonly target: string;
  readonly traits?: Traits;
}

export interface PlanShape {
  readonly type: Exclude<ShapeType, 'service' | 'operation' | 'resource'>;
  readonly traits?: Traits;
  readonly members?: readonly PlanMember[];
}

/** Of the whole service. */
export interface ServicePlan {
  /** Shape id of the service. */
  readonly id: string;
  readonly protocol: ProtocolName;
  readonly version: string;
  /** `sdkId` of aws.api#service, where the model has it. */
  readonly sdkId?: string;
  readonly endpointPrefix?: string;
  /** Name the service signs with (aws.auth#sigv4). */
  readonly signingName?: string;
  /** Value of the XML namespace trait. */
  readonly xmlNamespace?: JsonObject;
  readonly queryCompatible?: boolean;
  /** Endpoint rules in either notation: `rules` (endpointRuleSet) or `nodes` (endpointBdd). */
  readonly ruleSet?: JsonObject;
  readonly endpoint: EndpointSettings;
}

/** What the target's settings say of endpoints. */
export interface EndpointSettings {
  /** Instead of AWS's own. */
  readonly url?: string;
  readonly region?: string;
  /** Parameters of the rule set. */
  readonly parameters?: Readonly<Record<string, string | boolean>>;
}

/** Where the value of an endpoint parameter comes from, for one operation. */
export type ParameterSource =
  | { readonly member: string }
  /** JMESPath over the input. */
  | { readonly path: string }
  | { readonly value: JsonValue };

export interface PagesPlan {
  readonly inputToken: string;
  /** Dotted path. */
  readonly outputToken: string;
  /** Dotted path of what is collected. */
  readonly items?: string;
  readonly maxPages: number;
}

export interface AcceptorPlan {
  readonly state: 'success' | 'failure' | 'retry';
  readonly matcher: JsonObject;
}

export interface WaiterPlan {
  readonly name: string;
  readonly acceptors: readonly AcceptorPlan[];
  /** Seconds. */
  readonly minDelay: number;
  readonly maxDelay: number;
}

export interface OperationPlan {
  /** Shape id. */
  readonly operation: string;
  readonly input: string;
  readonly output: string;
  readonly errors: readonly string[];
  /** Traits of the operation that matter for a call. */
  readonly traits?: Traits;
  readonly shapes: Readonly<Record<string, PlanShape>>;
  readonly endpointParameters?: Readonly<Record<string, ParameterSource>>;
  /** Where the model puts a credential that is not a signature; `none`: the operation is public. */
  readonly security?: CredentialPlacement | 'none';
  readonly pages?: PagesPlan;
  readonly waiter?: WaiterPlan;
}

/** The member of a structure that is the whole body (smithy.api#httpPayload). */
export function payloadOf(plan: OperationPlan, id: string): PlanMember | undefined {
  return plan.shapes[id]?.members?.find(({ traits = {} }) => trait(traits, 'httpPayload') !== undefined);
}

/**
 * The name of the argument for a member: its own, or a shorter one where clients take no longer names (64 characters).
 * @param hash of the whole name, for uniqueness
 */
export function argumentName(member: string, hash: (text: string) => string): string {
  return member.length <= 64 ? member : `${member.slice(0, 55)}_${hash(member).slice(0, 8)}`;
}
