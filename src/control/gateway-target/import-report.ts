// GetGatewayTargetImportReport (ours, not AWS's): what the last successful import made of the source.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalogue } from '../../core/tool.ts';
import type { Handler } from '../context.ts';
import { loadTarget } from './load.ts';

/** Handles GetGatewayTargetImportReport. */
export const getGatewayTargetImportReport: Handler = async (input, ctx) => {
  const row = await loadTarget(ctx.store, input['gatewayIdentifier'] as string, input['targetId'] as string);
  const { live, status, statusReasons } = row.document;
  const catalogue = live && (await ctx.store.get('catalogue', live.catalogueId));
  if (!catalogue) {
    const reasons = statusReasons.length > 0 ? ` (${statusReasons.join(' ')})` : '';
    throw new GatewayError(
      'NotFound',
      `Target ${row.id} has no import report: no import has succeeded yet, its status is ${status}${reasons}`,
    );
  }
  return { targetId: row.id, status, report: reportOf(catalogue.document) };
};

const reportOf = ({ report, server }: Catalogue): JsonObject => ({
  ...report,
  ...(server && {
    prompts: server.prompts.length,
    resources: server.resources.length,
    resourceTemplates: server.resourceTemplates.length,
  }),
  notes: report.notes.map((note) => ({ ...note })),
});
