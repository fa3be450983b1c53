// What handlers get and give, in each runtime: the official SDK calls functions on a real server.

import { CreateFunctionCommand, InvokeCommand } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { ROLE, functionBench, jsonOf, zipOf } from './support/functions.ts';

test('a Node handler is made of a zip and called', async () => {
  const { sdk } = await functionBench();
  const source =
    'export const handler = async (event, context) => ({ event, client: context.clientContext });';
  await sdk.send(
    new CreateFunctionCommand({
      FunctionName: 'orders',
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: ROLE,
      Code: { ZipFile: await zipOf({ 'index.mjs': source }) },
    }),
  );
  const answer = await sdk.send(
    new InvokeCommand({
      FunctionName: 'orders',
      Payload: '{"a":1}',
      ClientContext: Buffer.from('{"custom":{"x":"é"}}').toString('base64'),
    }),
  );
  expect(answer.FunctionError).toBeUndefined();
  expect(jsonOf(answer.Payload)).toEqual({ event: { a: 1 }, client: { custom: { x: 'é' } } });
});

test('a Python handler is made of a zip and called', async () => {
  const { sdk } = await functionBench();
  const source = 'def handler(event, context):\n  print("hello", event)\n  return {"event": event}\n';
  await sdk.send(
    new CreateFunctionCommand({
      FunctionName: 'orders',
      Runtime: 'python3.12',
      Handler: 'app.handler',
      Role: ROLE,
      Code: { ZipFile: await zipOf({ 'app.py': source }) },
    }),
  );
  const answer = await sdk.send(
    new InvokeCommand({ FunctionName: 'orders', Payload: '{"a":1}', LogType: 'Tail' }),
  );
  expect(jsonOf(answer.Payload)).toEqual({ event: { a: 1 } });
  expect(Buffer.from(answer.LogResult ?? '', 'base64').toString()).toContain("\nhello {'a': 1}\n");
});
