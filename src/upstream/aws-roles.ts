// Roles assumed with the process's AWS credentials (AWS STS, AssumeRole), kept until shortly before they expire. Through
// the one egress client, like everything that leaves.

import { createHash } from 'node:crypto';
import type { Audit } from '../core/audit.ts';
import { credentialUse } from '../core/credential-use.ts';
import { GatewayError } from '../core/errors.ts';
import type { Figures } from '../core/figures.ts';
import type { Egress } from '../core/outbound.ts';
import { recorded } from '../core/recorded.ts';
import type { Clock } from '../lib/clock.ts';
import { signRequest } from '../lib/sigv4-sign.ts';
import type { SigningCredentials } from '../lib/sigv4-sign.ts';
import { SingleFlight } from '../lib/single-flight.ts';

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;
/** Used up to this long before their end (milliseconds). */
const MARGIN_MS = 5 * 60_000;

export interface AwsRoleServices {
  readonly egress: Pick<Egress, 'request'>;
  readonly clock: Clock;
  readonly region: string;
  /** The SDKs' own variable AWS_ENDPOINT_URL_STS. */
  readonly stsEndpoint?: URL;
  readonly credentials: () => Promise<SigningCredentials | undefined>;
  readonly audit?: Audit;
  readonly figures?: Figures;
}

/** A function that gives credentials of a role, for one gateway. */
export function createAwsRoles(services: AwsRoleServices) {
  const { egress, clock, region } = services;
  const kept = new Map<string, { readonly credentials: SigningCredentials; readonly until: number }>();
  const flights = new SingleFlight<SigningCredentials | undefined>(services.figures?.flights('aws_role'));
  const endpoint = services.stsEndpoint ?? new URL(`https://sts.${region}.amazonaws.com/`);

  async function assume(key: string, roleArn: string, gatewayId: string) {
    const credentials = await services.credentials();
    if (!credentials) return undefined;
    const use = credentialUse({
      purpose: 'assume-role',
      type: 'AWS',
      resource: { arn: roleArn, type: 'AWS::IAM::Role' },
      destination: endpoint,
      gatewayId,
    });
    return recorded(services.audit, use, () => assumeWith(credentials, key, roleArn, gatewayId));
  }

  async function assumeWith(
    credentials: SigningCredentials,
    key: string,
    roleArn: string,
    gatewayId: string,
  ): Promise<SigningCredentials> {
    const body = new URLSearchParams({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: roleArn,
      RoleSessionName: `gatewright-${createHash('sha256').update(gatewayId).digest('hex').slice(0, 16)}`,
      // Says to the role's trust policy for which gateway it is assumed (confused deputy).
      ExternalId: gatewayId,
      DurationSeconds: '3600',
    }).toString();
    const request = {
      method: 'POST',
      url: endpoint,
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    };
    const headers = await signRequest(request, { service: 'sts', region, credentials });
    const answer = await egress.request(
      { ...request, headers },
      { timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_ANSWER },
    );
    const text = answer.body.toString('utf8');
    const [accessKeyId, secretAccessKey, sessionToken] = [
      valueOf(text, 'AccessKeyId'),
      valueOf(text, 'SecretAccessKey'),
      valueOf(text, 'SessionToken'),
    ];
    if (answer.status !== 200 || accessKeyId === '' || secretAccessKey === '')
      throw new GatewayError('CredentialUnavailable', 'The gateway’s role cannot be assumed.', {
        internal: `AssumeRole ${roleArn}: HTTP ${answer.status} ${valueOf(text, 'Code')} ${valueOf(text, 'Message')}`,
      });
    const expiration = Date.parse(valueOf(text, 'Expiration'));
    const assumed = { accessKeyId, secretAccessKey, sessionToken };
    const until = (Number.isFinite(expiration) ? expiration : clock.now()) - MARGIN_MS;
    kept.set(key, { credentials: assumed, until });
    return assumed;
  }

  return async (roleArn: string, gatewayId: string): Promise<SigningCredentials | undefined> => {
    const key = JSON.stringify([roleArn, gatewayId]);
    const known = kept.get(key);
    if (known && known.until > clock.now()) return known.credentials;
    return flights.run(key, () => assume(key, roleArn, gatewayId));
  };
}

/** The text of an element that has no children; the answer's few values are plain. */
function valueOf(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`);
  const end = xml.indexOf(`</${name}>`, start);
  if (start < 0 || end < 0) return '';
  return xml
    .slice(start + name.length + 2, end)
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
    .trim();
}
