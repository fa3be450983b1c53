// The part of the host name that an operation adds in front (smithy.api#endpoint), with the labels of its input.

import { isIP } from 'node:net';
import { GatewayError } from '../../../core/errors.ts';
import { isJsonObject } from '../../../core/json.ts';
import { trait } from '../model.ts';
import type { OperationPlan } from '../plan.ts';
import type { RuntimeInput } from '../runtime/input.ts';
import { isAwsHost } from './partitions.ts';

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * The address with the operation's prefix; addresses without a domain name, such as those of a service on the same
 * machine, have none.
 * @throws GatewayError Validation when an argument cannot be part of a host name
 */
export function withHostPrefix(plan: OperationPlan, input: RuntimeInput, url: URL): URL {
  const endpoint = trait(plan.traits ?? {}, 'endpoint');
  const prefix = isJsonObject(endpoint) ? endpoint['hostPrefix'] : undefined;
  if (typeof prefix !== 'string' || prefix === '') return url;
  if (isIP(url.hostname.replaceAll(/[[\]]/g, '')) !== 0 || url.hostname === 'localhost') return url;
  const filled = prefix.replaceAll(/\{([^{}]+)\}/g, (_, member: string) => {
    const label = input[member];
    if (typeof label !== 'string' || !LABEL.test(label))
      throw new GatewayError(
        'Validation',
        `${member}: must be a label of a host name: letters, digits and hyphens.`,
      );
    return label;
  });
  const hostname = filled + url.hostname;
  const prefixed = new URL(url);
  prefixed.hostname = hostname;
  if (prefixed.hostname !== hostname.toLowerCase())
    throw new GatewayError('Validation', `The host name ${hostname} is not valid.`);
  // Without a dot between them the name would be another domain's: AWS has such prefixes, and owns what they lead to.
  if (!isAwsHost(prefixed.hostname) && !prefixed.hostname.endsWith(`.${url.hostname}`))
    throw new GatewayError(
      'Validation',
      `The prefix of this operation would lead to ${prefixed.hostname}, which is not below ${url.hostname}.`,
    );
  return prefixed;
}
