// A service that answers with what it is sent: in every protocol whose answers look like its requests, every value comes
// back as the caller gave it. Inputs are generated from the model.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../src/core/json.ts';
import { compileSchema } from '../src/lib/json-schema/compile.ts';
import { parseIdl } from '../src/targets/smithy/idl/parse-idl.ts';
import { inputs } from './support/smithy-arbitrary.ts';
import { openSmithy } from './support/smithy.ts';
import type { Ast } from './support/smithy-values.ts';

const model = (protocol: string): Ast => {
  const text = `$version: "2.0"
namespace echo
use aws.protocols#awsJson1_0
use aws.protocols#awsJson1_1
use aws.protocols#restJson1
use aws.protocols#restXml
use smithy.protocols#rpcv2Cbor
use smithy.protocols#rpcv2Json

@${protocol}
service Echo { version: "1", operations: [Say] }

@http(method: "POST", uri: "/say")
operation Say { input: All, output: All }

structure All {
    text: String
    yes: Boolean
    tiny: Byte
    small: Short
    number: Integer
    long: Long
    float: Float
    double: Double
    time: Timestamp
    @timestampFormat("http-date") day: Timestamp
    @timestampFormat("epoch-seconds") moment: Timestamp
    @timestampFormat("date-time") instant: Timestamp
    bytes: Blob
    big: BigInteger
    exact: BigDecimal
    ${['restXml', 'rpcv2Cbor'].includes(protocol) ? '' : 'document: Document'}
    colour: Colour
    level: Level
    texts: Texts
    times: Times
    byName: ByName
    deep: Deep
    choice: Choice
    @jsonName("renamed-in-JSON") @xmlName("renamed-in-XML") renamed: String
    @xmlFlattened flat: Texts
    @xmlFlattened flatMap: ByName
}
enum Colour { RED = "red", GREEN = "sea green" }
intEnum Level { LOW = 1, HIGH = 9 }
list Texts { member: String }
list Times { @timestampFormat("date-time") member: Timestamp }
map ByName { key: String, value: Deep }
structure Deep { inner: Deeps, value: String, choice: Choice, long: Long }
list Deeps { member: Deep }
union Choice { text: String, number: Integer, bytes: Blob, deep: Deep, time: Timestamp, nothing: Unit }
`;
  const { ast, faults } = parseIdl([{ name: 'echo.smithy', text }]);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return ast as unknown as Ast;
};

describe.each(['awsJson1_0', 'awsJson1_1', 'restJson1', 'restXml', 'rpcv2Cbor', 'rpcv2Json'])(
  '%s',
  (protocol) => {
    const ast = model(protocol);
    const bench = openSmithy(ast, { 'server-url': 'https://echo.example' });
    const entry = bench.catalogue.entries[0];
    const { inputSchema, outputSchema } = JSON.parse(entry?.definition ?? '{}') as Record<string, JsonObject>;
    const acceptsInput = compileSchema(inputSchema);
    const acceptsOutput = compileSchema(outputSchema);

    test('gives back what it got', async () => {
      await fc.assert(
        fc.asyncProperty(inputs(ast, 'echo#All'), async (args) => {
          expect(acceptsInput(args)).toEqual([]);
          bench.sent.length = 0;
          await bench.call('Say', args);
          const body = bench.sent[0]?.body ?? '';
          const result = await bench.call('Say', {}, [{ body }]);
          expect(result.isError, JSON.stringify(result.content)).toBe(false);
          expect(result.structuredContent).toEqual(args);
          // Clients throw results away that break the schema.
          expect(acceptsOutput(result.structuredContent)).toEqual([]);
        }),
        { numRuns: 150 },
      );
    });
  },
);
