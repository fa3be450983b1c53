// What tags may be, beyond their shape: no `aws:` keys, and `gatewright:` keys are settings with a known
// meaning on one kind of resource (core/settings.ts).

import { GatewayError } from '../../core/errors.ts';
import type { FieldFault } from '../../core/errors.ts';
import type { ResourceKind, Tags } from '../../core/resources.ts';
import { SETTINGS, SETTING_PREFIX } from '../../core/settings.ts';
import type { ControlContext } from '../context.ts';
import { validationFailure } from '../validate.ts';

/** @throws GatewayError Validation with all faults, or QuotaExceeded when there are too many. */
export function checkTags(tags: Tags, kind: ResourceKind, ctx: ControlContext): void {
  const faults = Object.entries(tags).flatMap(([key, value]) => faultsOf(key, value, kind));
  if (faults.length > 0) throw validationFailure(faults);
  if (Object.keys(tags).length > ctx.quotas.tagsPerResource)
    throw new GatewayError('QuotaExceeded', `A resource can have ${ctx.quotas.tagsPerResource} tags at most`);
}

function faultsOf(key: string, value: string, kind: ResourceKind): readonly FieldFault[] {
  const name = `tags.${key}`;
  if (/^aws:/i.test(key)) return [{ name, message: 'Keys beginning with aws: are reserved' }];
  if (!key.startsWith(SETTING_PREFIX)) return [];
  const setting = SETTINGS.find((candidate) => candidate.key === key);
  if (setting?.on !== kind) {
    const allowed = SETTINGS.filter((candidate) => candidate.on === kind).map((candidate) => candidate.key);
    const there = allowed.length > 0 ? `the settings there are: ${allowed.join(', ')}` : 'it has no settings';
    return [{ name, message: `${key} is not a setting of a ${kind}; ${there}` }];
  }
  const problem = setting.check(value);
  return problem === undefined ? [] : [{ name, message: `Member ${problem}` }];
}
