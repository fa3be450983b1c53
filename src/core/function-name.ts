// How Lambda functions are named: by name, by partial or full ARN, each with or without a qualifier (a version or an
// alias). Reference: AWS Lambda API, "FunctionName".

import type { ArnScope } from './arn.ts';

/** The longest name of a function (characters). */
const MAX_NAME = 64;
const REFERENCE =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_]{1,140})(?::(\$LATEST|[a-zA-Z0-9-_]{1,128}))?$/;

export interface FunctionReference {
  readonly name: string;
  /** `$LATEST`, a version’s number or the name of an alias. */
  readonly qualifier?: string;
}

/** What a text names in this account and region; undefined where it names nothing that could be here. */
export function parseFunctionReference(text: string, scope: ArnScope): FunctionReference | undefined {
  const [, region, account, name, qualifier] = REFERENCE.exec(text) ?? [];
  if (name === undefined || name.length > MAX_NAME) return undefined;
  if (region !== undefined && region !== scope.region) return undefined;
  if (account !== undefined && account !== scope.accountId) return undefined;
  return qualifier === undefined ? { name } : { name, qualifier };
}

/** The full ARN of a function, of one of its versions, or of an alias. */
export function functionArn({ region, accountId }: ArnScope, name: string, qualifier?: string): string {
  const arn = `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** The ARN of a layer, or of one of its versions. */
export function layerArn({ region, accountId }: ArnScope, name: string, version?: string): string {
  const arn = `arn:aws:lambda:${region}:${accountId}:layer:${name}`;
  return version === undefined ? arn : `${arn}:${version}`;
}

/** The layer, and its version where one is said, that a name or an ARN of this account means. */
export function parseLayerReference(
  text: string,
  scope: ArnScope,
): { readonly name: string; readonly version?: string } | undefined {
  const match =
    /^(?:arn:[a-zA-Z0-9-]+:lambda:([a-zA-Z0-9-]+):(\d{12}):layer:)?([a-zA-Z0-9-_]{1,140})(?::(\d+))?$/.exec(
      text,
    );
  const [, region, account, name, version] = match ?? [];
  if (name === undefined) return undefined;
  if (region !== undefined && (region !== scope.region || account !== scope.accountId)) return undefined;
  return version === undefined ? { name } : { name, version };
}
