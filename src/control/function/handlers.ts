// The handler of each operation of the Lambda API.

import { createAlias, deleteAlias, getAlias, listAliases, updateAlias } from './alias.ts';
import {
  deleteFunctionConcurrency,
  getAccountSettings,
  getFunctionConcurrency,
  getFunctionLogs,
  putFunctionConcurrency,
} from './concurrency.ts';
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
import {
  deleteLayerVersion,
  getLayerVersion,
  getLayerVersionByArn,
  listLayerVersions,
  listLayers,
  publishLayerVersion,
} from './layer.ts';
import { addPermission, getPolicy, removePermission } from './permission.ts';
import { listTags, tagResource, untagResource } from './tag.ts';
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
  CreateAlias: createAlias,
  GetAlias: getAlias,
  ListAliases: listAliases,
  UpdateAlias: updateAlias,
  DeleteAlias: deleteAlias,
  AddPermission: addPermission,
  RemovePermission: removePermission,
  GetPolicy: getPolicy,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListTags: listTags,
  PutFunctionConcurrency: putFunctionConcurrency,
  GetFunctionConcurrency: getFunctionConcurrency,
  DeleteFunctionConcurrency: deleteFunctionConcurrency,
  PublishLayerVersion: publishLayerVersion,
  GetLayerVersion: getLayerVersion,
  GetLayerVersionByArn: getLayerVersionByArn,
  ListLayerVersions: listLayerVersions,
  ListLayers: listLayers,
  DeleteLayerVersion: deleteLayerVersion,
  GetAccountSettings: getAccountSettings,
  GetFunctionLogs: getFunctionLogs,
});
