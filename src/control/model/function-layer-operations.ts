// Operations of the Lambda API on layers: files that functions share.

import type { FunctionOperation } from './function-operation.ts';
import {
  anyText,
  architecture,
  description,
  layerContent,
  layerListLimit,
  layerName,
  layerVersion,
  layerVersionArn,
  layerVersionItem,
  layerVersionNumber,
  runtime,
} from './function-shapes.ts';
import { choice, label, list, must, query, sized, structure } from './shape.ts';

const LAYERS = '/2018-10-31/layers';
const LAYER = `${LAYERS}/{LayerName}/versions`;
const LAYER_VERSION = `${LAYER}/{VersionNumber}`;
const layerPage = { Marker: query(anyText), MaxItems: query(layerListLimit) };
const compatible = { CompatibleRuntime: query(runtime), CompatibleArchitecture: query(architecture) };
const layerVersionNamed = { LayerName: label(layerName), VersionNumber: label(layerVersionNumber) };
const nothing = structure({});

/** Every operation on layers. */
export const LAYER_OPERATIONS: readonly FunctionOperation[] = Object.freeze([
  {
    name: 'PublishLayerVersion',
    method: 'POST',
    uri: LAYER,
    status: 201,
    input: structure({
      LayerName: label(layerName),
      Description: description,
      Content: must(layerContent),
      CompatibleRuntimes: list(sized(1, 64), 0, 15),
      LicenseInfo: sized(0, 512),
      CompatibleArchitectures: list(architecture, 0, 2),
    }),
    output: layerVersion,
    doc: 'Makes a version of a layer: files that functions share.',
  },
  {
    name: 'GetLayerVersionByArn',
    method: 'GET',
    uri: LAYERS,
    status: 200,
    input: structure({
      find: query(choice('LayerVersion')),
      Arn: { ...query(layerVersionArn), required: true },
    }),
    output: layerVersion,
    doc: 'Shows a version of a layer by its ARN.',
    readonly: true,
  },
  {
    name: 'GetLayerVersion',
    method: 'GET',
    uri: LAYER_VERSION,
    status: 200,
    input: structure(layerVersionNamed),
    output: layerVersion,
    doc: 'Shows a version of a layer.',
    readonly: true,
  },
  {
    name: 'ListLayerVersions',
    method: 'GET',
    uri: LAYER,
    status: 200,
    input: structure({ LayerName: label(layerName), ...layerPage, ...compatible }),
    output: structure({ NextMarker: anyText, LayerVersions: list(layerVersionItem) }),
    doc: 'Lists the versions of a layer, newest first.',
    readonly: true,
  },
  {
    name: 'ListLayers',
    method: 'GET',
    uri: LAYERS,
    status: 200,
    input: structure({ ...layerPage, ...compatible }),
    output: structure({
      NextMarker: anyText,
      Layers: list(
        structure({ LayerName: anyText, LayerArn: anyText, LatestMatchingVersion: layerVersionItem }),
      ),
    }),
    doc: 'Lists the layers, each with its newest version.',
    readonly: true,
  },
  {
    name: 'DeleteLayerVersion',
    method: 'DELETE',
    uri: LAYER_VERSION,
    status: 204,
    input: structure(layerVersionNamed),
    output: nothing,
    doc: 'Deletes a version of a layer; functions that use it keep it.',
  },
]);
