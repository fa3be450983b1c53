// Where traces are sent: OpenTelemetry's own environment variables, so that what a platform sets for all its programs holds
// for this one too (OpenTelemetry, "OTLP Exporter Configuration", "General SDK Configuration").

import { Secret } from './lib/secret.ts';

export interface TracingConfig {
  /** Base address; `/v1/traces` is added. */
  readonly endpoint: URL;
  /** Values may be keys. */
  readonly headers: Readonly<Record<string, Secret>>;
  readonly serviceName: string;
  /** 0 to 1, of the traces that are decided about here. */
  readonly ratio: number;
  /** Whether callers decide about those that they have begun. */
  readonly followsCallers: boolean;
}

/** What is decided about a trace, by OpenTelemetry's names: a share of all, or the one that comes with it. */
const SAMPLERS: ReadonlyMap<string, number | undefined> = new Map([
  ['always_on', 1],
  ['always_off', 0],
  ['traceidratio', undefined],
]);
const PARENT_BASED = /^parentbased_/;

type Environment = Readonly<Record<string, string | undefined>>;

/** Undefined when no collector is set. Faults are added to the list. */
export function readTracing(env: Environment, faults: string[]): TracingConfig | undefined {
  const text = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (text === undefined || text === '' || env['OTEL_SDK_DISABLED'] === 'true') return undefined;
  if (env['OTEL_TRACES_EXPORTER'] === 'none') return undefined;
  const protocol = env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (protocol === 'grpc')
    faults.push('OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent as http/json here, not by gRPC (port 4318)');
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    faults.push(`OTEL_EXPORTER_OTLP_ENDPOINT: “${text}” must be an http or https URL`);
    return undefined;
  }
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_traceidratio';
  const kind = sampler.replace(PARENT_BASED, '');
  if (!SAMPLERS.has(kind)) {
    const known = [...SAMPLERS.keys()].flatMap((name) => [`parentbased_${name}`, name]);
    faults.push(`OTEL_TRACES_SAMPLER: must be one of ${known.join(', ')}`);
    return undefined;
  }
  const ratio = SAMPLERS.get(kind) ?? Number(env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
  if (!(ratio >= 0 && ratio <= 1)) {
    faults.push('OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1');
    return undefined;
  }
  return {
    endpoint: new URL(text),
    headers: headersOf(env['OTEL_EXPORTER_OTLP_HEADERS'] ?? ''),
    serviceName: env['OTEL_SERVICE_NAME'] ?? 'gatewright',
    ratio,
    followsCallers: PARENT_BASED.test(sampler),
  };
}

/** `name=value,name=value`, values percent-encoded (W3C Baggage's form). */
function headersOf(text: string): Record<string, Secret> {
  return Object.fromEntries(
    text.split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) return [];
      return [[pair.slice(0, at).trim().toLowerCase(), new Secret(decode(pair.slice(at + 1).trim()))]];
    }),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
