// Plan and arguments → the one exact HTTP request (OAS Operation Object). What the plan fixes is read once, in
// prepareRequest. Knows nothing of credentials, propagation and sending.

import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { OutboundRequest } from '../../core/outbound.ts';
import { buildBody } from './body.ts';
import { isFieldValue } from '../../core/header-fields.ts';
import { prepareFields } from './fields.ts';
import { preparePath } from './path.ts';
import type { OperationPlan } from './plan.ts';
import { prepareQuery } from './query.ts';

/** Builds the request for some arguments. @throws GatewayError Validation naming the argument at fault. */
export type BuildRequest = (args: JsonObject) => OutboundRequest;

/** Prepares the requests of one operation. @throws GatewayError Validation where the plan names no usable server. */
export function prepareRequest(plan: OperationPlan): BuildRequest {
  const server = readServer(plan);
  const basePath = server.pathname.replace(/\/+$/, '');
  const buildPath = preparePath(plan.path, plan.parameters);
  const buildQuery = prepareQuery(plan);
  const buildFields = prepareFields(plan.parameters);
  const fixed: Record<string, string> = { 'user-agent': 'gatewright' };
  if (plan.accept !== undefined && isFieldValue(plan.accept)) fixed['accept'] = plan.accept;

  const hasInheritedName = argumentsOf(plan).some((name) => name in Object.prototype);
  let last: { readonly written: string; readonly url: URL } | undefined;

  function urlFor(args: JsonObject): URL {
    const path = `${basePath}${buildPath(args)}`;
    const query = buildQuery(args);
    const written = `${server.origin}${path}${query === '' ? '' : `?${query}`}`;
    // Operations without arguments in their address have the same one at each call. Nobody changes a URL in place.
    if (last?.written === written) return last.url;
    const url = new URL(written);
    // Post-condition: the parser of URLs reads exactly what was written, so nothing was resolved, cut or moved.
    if (
      url.origin !== server.origin ||
      url.pathname !== path ||
      url.search !== (query === '' ? '' : `?${query}`)
    )
      throw new GatewayError(
        'Validation',
        `The arguments do not fit into the URL of ${plan.method} ${plan.path}.`,
      );
    last = { written, url };
    return url;
  }

  return (given) => {
    // Without a prototype where it matters: a parameter named `constructor` that is left out is left out.
    const args: JsonObject = hasInheritedName ? Object.assign(Object.create(null) as object, given) : given;
    const url = urlFor(args);
    const headers = { ...fixed, ...buildFields(args) };
    const body = plan.body === undefined ? undefined : buildBody(plan.body, args);
    if (body === undefined) return { method: plan.method, url, headers };
    return {
      method: plan.method,
      url,
      headers: { ...headers, 'content-type': body.contentType },
      body: body.content,
    };
  };
}

/** Every name that the plan looks for among the arguments. */
function argumentsOf({ parameters, body }: OperationPlan): readonly string[] {
  return [
    ...parameters.map(({ argument }) => argument),
    ...(body?.argument === undefined ? [] : [body.argument]),
    ...(body?.properties ?? []).map(([argument]) => argument),
  ];
}

function readServer({ server, method, path }: OperationPlan): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new GatewayError(
      'Validation',
      `The document names no server for ${method} ${path}. Set the target's tag gatewright:server-url (or --upstream) to the base URL of the API.`,
    );
  return url;
}
