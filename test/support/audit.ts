// The audit log of a server as its files: records by the node that wrote them, read without any of the product's code.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface AuditRecord {
  readonly seq: number;
  readonly hash: string;
  readonly prevHash: string;
  readonly node: string;
  readonly eventName: string;
  readonly eventType: string;
  readonly eventSource: string;
  readonly eventCategory: string;
  readonly eventTime: string;
  readonly requestID: string;
  readonly readOnly: boolean;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly userIdentity: Readonly<Record<string, unknown>>;
  readonly requestParameters: Readonly<Record<string, unknown>> | null;
  readonly responseElements: Readonly<Record<string, unknown>> | null;
  readonly additionalEventData: Readonly<Record<string, unknown>>;
  readonly resources?: readonly { readonly ARN: string; readonly type: string }[];
  readonly errorCode?: string;
  readonly errorMessage?: string;
}

/** The segments of a folder, in order. */
export const segmentsIn = (folder: string): readonly string[] =>
  (existsSync(folder) ? readdirSync(folder) : []).filter((file) => file.endsWith('.jsonl')).sort();

/** All of its text. */
export const auditText = (folder: string): string =>
  segmentsIn(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('');

/** Every whole record, footers left out. */
export function auditRecords(folder: string): readonly AuditRecord[] {
  return auditText(folder)
    .split('\n')
    .filter((line) => line.endsWith('}') && !line.startsWith('{"footer":'))
    .map((line) => JSON.parse(line) as AuditRecord);
}
