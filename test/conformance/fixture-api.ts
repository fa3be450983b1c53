// The API behind the suite's tools, as far as an OpenAPI operation can be one: one operation a tool, each answering
// with the media type that becomes the content block the suite looks for (MCP conformance suite, server fixtures).

import type { Upstream } from '../support/upstream.ts';
import { describeApi, respondWith } from '../support/upstream.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

/** The schema that the suite wants to see unchanged, as the body of an operation. */
const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // eslint-disable-next-line unicorn/no-thenable
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** Makes the upstream answer as the tools should, and gives the document that describes it. */
export function fixtureDocument(upstream: Upstream): object {
  upstream.on(
    '/test_simple_text',
    respondWith(200, 'text/plain', 'This is a simple text response for testing.'),
  );
  upstream.on('/test_image_content', respondWith(200, 'image/png', Buffer.from(PNG, 'base64')));
  upstream.on('/test_audio_content', respondWith(200, 'audio/wav', Buffer.from(WAV, 'base64')));
  upstream.on(
    '/test_embedded_resource',
    respondWith(200, 'application/octet-stream', Buffer.from([0, 1, 2, 255])),
  );
  upstream.on(
    '/test_error_handling',
    respondWith(500, 'text/plain', 'This tool intentionally returns an error for testing'),
  );
  return describeApi(upstream.url, {
    test_simple_text: { description: 'Answers with text' },
    test_image_content: { description: 'Answers with an image' },
    test_audio_content: { description: 'Answers with a sound' },
    test_embedded_resource: { description: 'Answers with other bytes' },
    test_error_handling: { description: 'Always fails' },
    json_schema_2020_12_tool: { description: 'Has every keyword', body: SCHEMA_2020_12 },
  });
}
