// OAuth 2.0 access tokens on outbound calls (AgentCore's OAUTH): as the gateway itself, on behalf of a user who has
// given consent, or in exchange for the caller's own token. Where tokens come from is the token source's matter; here
// one goes onto the request (RFC 6750 §2.1), and nowhere else.

import { LRUCache } from 'lru-cache';
import { parseChallenges } from '../../core/auth-challenge.ts';
import type { AuthChallenge } from '../../core/auth-challenge.ts';
import type { CallContext } from '../../core/call.ts';
import { concealForms, formsOf } from '../../core/conceal.ts';
import type { EchoForm } from '../../core/conceal.ts';
import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import { isJsonObject } from '../../core/json.ts';
import type { JsonObject } from '../../core/json.ts';
import { isOwnParameter } from '../../core/oauth-provider.ts';
import type { OutboundRequest, Refusal, UpstreamResponse } from '../../core/outbound.ts';
import type { AccessToken, TokenWish } from '../../core/token-source.ts';
import { returnUrlFault } from '../../core/web-address.ts';
import { Secret } from '../../lib/secret.ts';
import type { Credential, CredentialServices, CredentialType } from '../credential-type.ts';

const PLACE = 'credentialProvider.oauthCredentialProvider';
const GRANTS = ['CLIENT_CREDENTIALS', 'AUTHORIZATION_CODE', 'TOKEN_EXCHANGE'] as const;
const BEARER = 'Bearer ';
/** RFC 9449 §7.1. */
const PROVED = 'DPoP ';
const OWN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'dpop']);
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** One word (RFC 6749 §3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** Tokens in use at the same time whose spellings are kept ready. */
const REMEMBERED_FORMS = 256;

function parse(provider: JsonObject | undefined): TokenWish | undefined {
  const config = provider?.['oauthCredentialProvider'];
  if (!isJsonObject(config) || typeof config['providerArn'] !== 'string') return undefined;
  const { scopes, customParameters, grantType, defaultReturnUrl } = config;
  return Object.freeze({
    providerArn: config['providerArn'],
    grantType: GRANTS.find((grant) => grant === grantType) ?? 'CLIENT_CREDENTIALS',
    scopes: Array.isArray(scopes) ? scopes.map(String) : [],
    customParameters: Object.fromEntries(
      Object.entries(isJsonObject(customParameters) ? customParameters : {}).map(([name, value]) => [
        name,
        String(value),
      ]),
    ),
    ...(typeof defaultReturnUrl === 'string' ? { defaultReturnUrl } : {}),
  });
}

function check(provider: JsonObject | undefined): readonly FieldFault[] {
  const wish = parse(provider);
  if (!wish)
    return [
      { name: 'credentialProvider', message: 'OAUTH needs credentialProvider.oauthCredentialProvider' },
    ];
  const faults: FieldFault[] = [];
  for (const scope of wish.scopes)
    // So that none can smuggle in another.
    if (!SCOPE.test(scope))
      faults.push({
        name: `${PLACE}.scopes`,
        message: 'must each be one word of visible ASCII (RFC 6749 §3.3)',
      });
  for (const name of Object.keys(wish.customParameters))
    if (isOwnParameter(name))
      faults.push({ name: `${PLACE}.customParameters`, message: `${name} is set by the gateway itself` });
  if (wish.defaultReturnUrl !== undefined) {
    const fault = returnUrlFault(wish.defaultReturnUrl);
    if (fault !== undefined) faults.push({ name: `${PLACE}.defaultReturnUrl`, message: `Member ${fault}` });
  }
  return faults;
}

function prepare(provider: JsonObject | undefined, { tokens }: CredentialServices): Credential {
  const wish = parse(provider);
  /** What servers want in the next proof (RFC 9449 §9), by origin. */
  const nonces = new LRUCache<string, string>({ max: REMEMBERED_FORMS });
  const forms = new LRUCache<string, readonly EchoForm[]>({ max: REMEMBERED_FORMS });

  async function attach(request: OutboundRequest, ctx: CallContext): Promise<OutboundRequest> {
    if (!wish)
      throw new GatewayError('CredentialUnavailable', 'The credential of this target is not configured.');
    return withToken(request, await tokens.token(wish, ctx, request.url), nonces);
  }

  return Object.freeze({
    apply: (request: OutboundRequest, ctx: CallContext) => attach(request, ctx),
    conceal(response: UpstreamResponse, request: OutboundRequest | undefined) {
      const token = request && tokenOf(request);
      if (token === undefined) return response;
      let known = forms.get(token);
      if (!known) forms.set(token, (known = formsOf(token)));
      return concealForms(response, known);
    },
    async renew(request: OutboundRequest, ctx: CallContext, { status, headers }: Refusal) {
      const token = tokenOf(request);
      if (!wish || token === undefined) return undefined;
      const challenges = parseChallenges(headers['www-authenticate']);
      if (status === 403) {
        const scopes = missingScopes(challenges);
        if (scopes.length === 0) return undefined;
        const wider = await tokens.stepUp(wish, ctx, new Secret(token), scopes);
        return wider && withToken(request, wider, nonces);
      }
      const nonce = headers['dpop-nonce'];
      if (nonce !== undefined && NONCE.test(nonce) && challenges.some(wantsNonce)) {
        nonces.set(request.url.origin, nonce);
        return attach(request, ctx);
      }
      tokens.reject(wish, ctx, new Secret(token), challenges.find(isForTokens));
      const again = await attach(request, ctx);
      return tokenOf(again) === token ? undefined : again;
    },
  });
}

const isForTokens = ({ scheme }: AuthChallenge): boolean => scheme === 'bearer' || scheme === 'dpop';
const wantsNonce = ({ scheme, parameters }: AuthChallenge): boolean =>
  scheme === 'dpop' && parameters.get('error') === 'use_dpop_nonce';

/** What the upstream says that a token lacks (RFC 6750 §3.1). */
function missingScopes(challenges: readonly AuthChallenge[]): readonly string[] {
  const challenge = challenges.find(
    (candidate) => isForTokens(candidate) && candidate.parameters.get('error') === 'insufficient_scope',
  );
  return (challenge?.parameters.get('scope') ?? '').split(/[ \t]+/).filter((scope) => SCOPE.test(scope));
}

async function withToken(
  request: OutboundRequest,
  { secret, prove }: AccessToken,
  nonces: LRUCache<string, string>,
): Promise<OutboundRequest> {
  const headers: Record<string, string> = {};
  for (const name in request.headers)
    if (!OWN_HEADERS.has(name.toLowerCase())) headers[name] = request.headers[name] ?? '';
  headers['authorization'] = `${prove ? PROVED : BEARER}${secret.reveal()}`;
  if (prove) headers['dpop'] = await prove(request, secret, nonces.get(request.url.origin));
  return { ...request, headers };
}

function tokenOf({ headers }: OutboundRequest): string | undefined {
  const value = headers['authorization'];
  const scheme = [BEARER, PROVED].find((start) => value?.startsWith(start) === true);
  return scheme === undefined ? undefined : value?.slice(scheme.length);
}

export const oauthCredential = Object.freeze({
  type: 'OAUTH',
  check,
  providerArns: (provider: JsonObject | undefined) => {
    const wish = parse(provider);
    return wish ? [wish.providerArn] : [];
  },
  placement: () => ({ in: 'header', name: 'Authorization', prefix: 'Bearer' }) as const,
  prepare,
} as const) satisfies CredentialType;
