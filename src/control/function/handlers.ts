// The handler of each operation of the Lambda API.

import type { FunctionHandler } from './context.ts';
import {
  createFunction,
  deleteFunction,
  getFunction,
  getFunctionConfiguration,
  listFunctions,
  updateFunctionCode,
  updateFunctionConfiguration,
} from './function.ts';
import { invoke, invokeAsync } from './invoke.ts';
import { listVersionsByFunction, publishVersion } from './version.ts';

/** Handlers by operation name. */
export const FUNCTION_HANDLERS: Readonly<Record<string, FunctionHandler>> = Object.freeze({
  CreateFunction: createFunction,
  GetFunction: getFunction,
  GetFunctionConfiguration: getFunctionConfiguration,
  ListFunctions: listFunctions,
  UpdateFunctionCode: updateFunctionCode,
  UpdateFunctionConfiguration: updateFunctionConfiguration,
  DeleteFunction: deleteFunction,
  Invoke: invoke,
  InvokeAsync: invokeAsync,
  PublishVersion: publishVersion,
  ListVersionsByFunction: listVersionsByFunction,
});
