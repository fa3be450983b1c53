// `customJWTAuthorizer` as data: parsed once, frozen. What the published shapes cannot say is checked here.

import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';

const DISCOVERY_SUFFIX = '/.well-known/openid-configuration';

export interface ClaimRule {
  readonly claim: string;
  readonly valueType: 'STRING' | 'STRING_ARRAY';
  readonly operator: 'EQUALS' | 'CONTAINS' | 'CONTAINS_ANY';
  readonly values: readonly string[];
}

export interface CustomJwtConfig {
  readonly discoveryUrl: string;
  /** The discovery URL without its well-known suffix: the issuer as RFC 8414 §3 forms it. */
  readonly issuerUrl: string;
  readonly allowedAudience?: readonly string[];
  readonly allowedClients?: readonly string[];
  readonly allowedScopes?: readonly string[];
  readonly claims: readonly ClaimRule[];
  /** `allowedScopes` as clients are told of them (`advertisedScopeMapping`). */
  readonly advertisedScopes: readonly string[];
}

const AT = 'authorizerConfiguration.customJWTAuthorizer';

/** Faults of what every kind of token check needs: where the issuer's keys are. */
export function checkDiscovery(config: JsonObject | undefined): readonly FieldFault[] {
  const jwt = config?.['customJWTAuthorizer'];
  if (!isJsonObject(jwt)) return [{ name: AT, message: 'is needed: it names the issuer of the tokens' }];
  const url = jwt['discoveryUrl'];
  return typeof url !== 'string' || !URL.canParse(url) || !url.endsWith(DISCOVERY_SUFFIX)
    ? [{ name: `${AT}.discoveryUrl`, message: `must be a URL that ends in ${DISCOVERY_SUFFIX}` }]
    : [];
}

/** Faults of an `authorizerConfiguration` whose shape is already known to be right. */
export function checkConfig(config: JsonObject | undefined): readonly FieldFault[] {
  const at = AT;
  const jwt = config?.['customJWTAuthorizer'];
  if (!isJsonObject(jwt)) return checkDiscovery(config);
  const faults: FieldFault[] = [...checkDiscovery(config)];
  const checks = ['allowedAudience', 'allowedClients', 'allowedScopes', 'customClaims'];
  if (checks.every((name) => !Array.isArray(jwt[name]) || jwt[name].length === 0))
    faults.push({ name: at, message: `needs at least one of ${checks.join(', ')}` });
  const rules: readonly unknown[] = Array.isArray(jwt['customClaims']) ? jwt['customClaims'] : [];
  for (const [index, rule] of rules.entries()) {
    const fault = isJsonObject(rule) ? checkClaimRule(rule) : undefined;
    if (fault !== undefined) faults.push({ name: `${at}.customClaims[${index}]`, message: fault });
  }
  return faults;
}

function checkClaimRule(rule: JsonObject): string | undefined {
  const match = isJsonObject(rule['authorizingClaimMatchValue']) ? rule['authorizingClaimMatchValue'] : {};
  const value = isJsonObject(match['claimMatchValue']) ? match['claimMatchValue'] : {};
  const operator = match['claimMatchOperator'];
  const isList = value['matchValueStringList'] !== undefined;
  if (operator === 'CONTAINS_ANY' && !isList) return 'CONTAINS_ANY needs matchValueStringList';
  if (operator !== 'CONTAINS_ANY' && isList) return 'EQUALS and CONTAINS need matchValueString';
  if (rule['inboundTokenClaimValueType'] === 'STRING' && operator !== 'EQUALS')
    return 'a claim of type STRING can only be compared with EQUALS';
  if (rule['inboundTokenClaimValueType'] === 'STRING_ARRAY' && operator === 'EQUALS')
    return 'a claim of type STRING_ARRAY can only be compared with CONTAINS or CONTAINS_ANY';
  return undefined;
}

/** The same without what makes a token one for this gateway: whoever has a genuine token is let in. */
export function withoutRules({ discoveryUrl, issuerUrl }: CustomJwtConfig): CustomJwtConfig {
  return Object.freeze({ discoveryUrl, issuerUrl, claims: [], advertisedScopes: [] });
}

/** The configuration in the form the checks use. Call it only on a configuration without faults. */
export function parseConfig(config: JsonObject | undefined): CustomJwtConfig {
  const jwt = (config?.['customJWTAuthorizer'] ?? {}) as JsonObject;
  const discoveryUrl = jwt['discoveryUrl'] as string;
  const allowedScopes = strings(jwt['allowedScopes']);
  const mapping = isJsonObject(jwt['advertisedScopeMapping']) ? jwt['advertisedScopeMapping'] : {};
  const rules: readonly unknown[] = Array.isArray(jwt['customClaims']) ? jwt['customClaims'] : [];
  return Object.freeze({
    discoveryUrl,
    issuerUrl: discoveryUrl.slice(0, -DISCOVERY_SUFFIX.length),
    ...optional('allowedAudience', strings(jwt['allowedAudience'])),
    ...optional('allowedClients', strings(jwt['allowedClients'])),
    ...optional('allowedScopes', allowedScopes),
    claims: rules.filter(isJsonObject).map(parseClaimRule),
    advertisedScopes: (allowedScopes ?? []).map((scope) => {
      const shown = Object.hasOwn(mapping, scope) ? mapping[scope] : undefined;
      return typeof shown === 'string' ? shown : scope;
    }),
  });
}

function parseClaimRule(rule: JsonObject): ClaimRule {
  const match = rule['authorizingClaimMatchValue'] as JsonObject;
  const value = match['claimMatchValue'] as JsonObject;
  return {
    claim: rule['inboundTokenClaimName'] as string,
    valueType: rule['inboundTokenClaimValueType'] as ClaimRule['valueType'],
    operator: match['claimMatchOperator'] as ClaimRule['operator'],
    values: strings(value['matchValueStringList']) ?? [value['matchValueString'] as string],
  };
}

function strings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.length > 0 ? value.map(String) : undefined;
}

function optional<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
