// Part of the composition root: the audit log that the settings describe, with its keys from the vault.

import { join } from 'node:path';
import { createAuditLog } from './audit/audit-log.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { LateAudit } from './audit/late-audit.ts';
import { createSigner } from './audit/segment.ts';
import { wasRecording } from './audit/segment-file.ts';
import type { Config } from './config.ts';
import { NO_AUDIT } from './core/audit.ts';
import type { Audit } from './core/audit.ts';
import { credentialUse } from './core/credential-use.ts';
import { SERVER_INFO } from './core/server-info.ts';
import type { Clock } from './lib/clock.ts';
import type { Store } from './stores/store.ts';
import type { ProcessLog } from './telemetry/log.ts';
import { openAuditKeys, readAuditKeys } from './vault/audit-keys.ts';
import type { Vault } from './vault/vault.ts';

const RETENTION_DAYS = 365;
/** How often keys that are not there are looked for (milliseconds). */
const KEYS_MS = 2_000;

/** Where the segments of an installation's processes lie. */
export const auditFolder = (config: Pick<Config, 'dataDir'>): string => join(config.dataDir, 'audit');

/** Opens the log and records the start. In mode `off` that it was switched off is still recorded. */
export async function openAudit(
  config: Config,
  { store, vault, clock, log }: { store: Store; vault: Vault; clock: Clock; log: ProcessLog },
): Promise<AuditLog> {
  const {
    audit: mode = 'best-effort',
    auditArguments = false,
    auditRetentionDays,
    region,
    accountId,
  } = config;
  const folder = auditFolder(config);
  if (mode === 'off' && !wasRecording(folder)) return { ...NO_AUDIT, ...idle };
  const { digestKey, signingKey } = await openAuditKeys(store, vault, log);
  const audit = createAuditLog({
    folder,
    settings: {
      mode,
      showsArguments: auditArguments,
      retentionDays: auditRetentionDays ?? RETENTION_DAYS,
    },
    digestKey,
    ...(signingKey ? { signer: createSigner(signingKey) } : {}),
    region,
    accountId,
    version: SERVER_INFO.version,
    clock,
    log,
  });
  if (mode !== 'off') {
    audit.start();
    return signingKey ? audit : withLateKeys(audit, () => readAuditKeys(store, vault));
  }
  await audit.close();
  return { ...NO_AUDIT, ...idle };
}

/**
 * Credentials of the process itself that it uses as long as it runs: recorded once. What was used before the log was there
 * goes into it now.
 */
export function recordOwnCredentials(
  { databaseUrl, tracing }: Pick<Config, 'databaseUrl' | 'tracing'>,
  late: LateAudit,
  audit: Audit,
): void {
  late.open(audit);
  if (audit.mode === 'off') return;
  if (databaseUrl) {
    const { host, pathname } = new URL(databaseUrl.reveal());
    const more = { database: decodeURIComponent(pathname.slice(1)), host };
    audit.record({ ...credentialUse({ purpose: 'database', type: 'DATABASE', more }), decision: 'allow' });
  }
  if (tracing && Object.keys(tracing.headers).length > 0) {
    const use = { purpose: 'telemetry', type: 'HEADERS', destination: tracing.endpoint } as const;
    audit.record({ ...credentialUse(use), decision: 'allow' });
  }
}

/** Looks for the keys until they are there, or the log is closed. */
function withLateKeys(audit: AuditLog, read: () => ReturnType<typeof readAuditKeys>): AuditLog {
  let isOver = false;
  const look = setInterval(() => {
    read().then(
      ({ digestKey, signingKey }) => {
        if (isOver) return;
        isOver = true;
        clearInterval(look);
        audit.useKeys({ digestKey, signer: createSigner(signingKey) });
      },
      () => undefined,
    );
  }, KEYS_MS);
  look.unref();
  return {
    ...audit,
    close() {
      isOver = true;
      clearInterval(look);
      return audit.close();
    },
  };
}

const idle: Pick<AuditLog, 'figures' | 'start' | 'useKeys' | 'flush' | 'close'> = {
  figures: () => ({ records: 0, dropped: 0, failedWrites: 0, queue: 0 }),
  start: () => undefined,
  useKeys: () => undefined,
  flush: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
