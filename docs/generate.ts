// Writes the reference pages that are made from tables: docs/config.md from the settings, docs/api.md from the
// operations and shapes, docs/settings-tags.md from the `gatewright:` tags. `npm run docs`; a test keeps them true.

import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { SETTINGS } from '../src/config.ts';
import { OPERATIONS, SHAPES, shapeOf } from '../src/control/model/model.ts';
import type { Member, Shape, ShapeRef } from '../src/control/model/shape.ts';
import { SETTINGS as TAGS } from '../src/core/settings.ts';

const MADE = '<!-- Made by `npm run docs`. Edit the table in the source instead. -->';

/** File name in docs/ → text. */
export function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['config.md', configPage()],
    ['api.md', apiPage()],
    ['settings-tags.md', tagsPage()],
  ]);
}

function configPage(): string {
  const rows = SETTINGS.map(
    ({ variable, flag, placeholder, defaultText, doc, isSecret }) =>
      `| \`${variable}\` | ${isSecret === true ? '(none: command lines are public)' : `\`--${flag} <${cell(placeholder)}>\``} | ${cell(defaultText)} | ${cell(doc)} |`,
  );
  return `${MADE}
# Settings

Each setting is an environment variable, a flag of \`gatewright serve\`, and a key of the optional file that
\`--config\` names (JSON or YAML; the key is the flag’s name). Flags beat variables, variables beat the file.
Unknown \`GATEWRIGHT_*\` variables and bad values are all reported at once, with exit code 2, and nothing is started.
\`gatewright config\` prints what is in force and where it comes from.

| variable | flag | default | meaning |
|---|---|---|---|
${rows.join('\n')}

The AWS SDKs’ own variables are honoured where AWS is called: \`AWS_ENDPOINT_URL_S3\` or \`AWS_ENDPOINT_URL\` name an
S3-compatible store for \`s3://\` documents, and credentials come from the usual chain (\`AWS_ACCESS_KEY_ID\`, profiles,
container and instance roles). Without credentials \`s3://\` documents are read unsigned.
`;
}

function tagsPage(): string {
  const section = (on: string, title: string): string =>
    `## ${title}\n\n| tag | meaning |\n|---|---|\n${TAGS.filter((tag) => tag.on === on)
      .map((tag) => `| \`${tag.key}\` | ${cell(tag.doc)} |`)
      .join('\n')}\n`;
  return `${MADE}
# Settings that travel as tags

What the AWS API has no member for is set with tags, which every AWS client can do: at \`CreateGateway\`, or later with
\`TagResource\` and \`UntagResource\`. The ARN of a target is the gateway’s ARN followed by \`/target/<targetId>\`.
A changed tag takes effect at once; a target is imported anew.

${section('gateway', 'On a gateway')}
${section('gateway-target', 'On an OpenAPI target')}
${section('oauth2-credential-provider', 'On an OAuth credential provider')}
${section('function', 'On a local function')}`;
}

function apiPage(): string {
  const parts = OPERATIONS.map((operation) => {
    const input = SHAPES[operation.input];
    const output = SHAPES[operation.output];
    const note = operation.extension ? ' *(Gatewright’s own; AWS has no such operation)*' : '';
    return `## ${operation.name}

${operation.doc}${note}

\`${operation.method} ${operation.uri}\` → ${operation.status}

${members('Request', input)}${members('Response', output)}`;
  });
  return `${MADE}
# Control plane operations

Wire-compatible with \`bedrock-agentcore-control\` (REST with JSON, SigV4 with the signing name \`bedrock-agentcore\`):
an AWS SDK or boto3 with \`endpoint_url\` set to this server works unchanged. The same operations are commands:
\`gatewright create-gateway --help\`. \`*\` marks what is required.

${parts.join('\n')}
## Where more is taken than AWS takes

| shape | what is taken | difference |
|---|---|---|
${WIDENED.join('\n')}
`;
}

/** A row for each widened shape, also those inside structures that the tables above only name. */
const WIDENED = Object.entries(SHAPES).flatMap(([name, shape]) => {
  const members = shape.type === 'union' || shape.type === 'structure' ? Object.entries(shape.members) : [];
  const inside = members.map(([member, { shape: ref }]) => [`${name}.${member}`, ref] as const);
  return [[name, shape] as const, ...inside].flatMap(([place, ref]) => {
    if (typeof ref === 'string' || !('widened' in ref) || ref.widened === undefined) return [];
    const { widened, ...plain } = ref;
    return [`| \`${place}\` | ${cell(describe(plain))} | ${cell(widened)} |`];
  });
});

function members(title: string, shape: Shape | undefined): string {
  if (shape?.type !== 'structure' || Object.keys(shape.members).length === 0) return '';
  const rows = Object.entries(shape.members).map(
    ([name, member]) =>
      `| \`${name}\`${member.required ? '\\*' : ''} | ${place(member)} | ${cell(describe(member.shape))} |`,
  );
  return `| ${title} | in | type |\n|---|---|---|\n${rows.join('\n')}\n\n`;
}

function place(member: Member): string {
  return member.in ?? 'body';
}

/** A shape in a few words; structures by their members' names. */
function describe(ref: ShapeRef): string {
  const shape = shapeOf(ref);
  switch (shape.type) {
    case 'string': {
      const length =
        shape.min === undefined && shape.max === undefined
          ? ''
          : `, ${shape.min ?? 0} to ${shape.max ?? '…'} characters`;
      const pattern = shape.pattern === undefined ? '' : `, \`${shape.pattern}\``;
      const widened = shape.widened === undefined ? '' : ` (${shape.widened})`;
      return shape.values
        ? shape.values.map((value) => `\`${value}\``).join(', ')
        : `text${length}${pattern}${widened}`;
    }
    case 'integer':
    case 'double':
      return `${shape.type}${shape.min === undefined ? '' : `, ${shape.min} to ${shape.max ?? '…'}`}`;
    case 'list':
      return `list of ${describe(shape.member)}`;
    case 'map':
      return `map of ${describe(shape.value)}`;
    case 'structure':
      return `{ ${Object.keys(shape.members).join(', ')} }`;
    case 'union':
      return `one of { ${Object.keys(shape.members).join(' \\| ')} }`;
    default:
      return shape.type;
  }
}

function cell(text: string): string {
  return text.replace(/(?<!\\)\|/g, '\\|').replaceAll('\n', ' ');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const [name, text] of pages()) writeFileSync(new URL(name, import.meta.url), text);
