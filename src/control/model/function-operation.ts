// What an operation of the Lambda API is, as data that routes, validation, access and documentation walk.

import type { Shape } from './shape.ts';

/** One operation of the Lambda API. */
export interface FunctionOperation {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Labels in braces are input members bound to the path. */
  readonly uri: string;
  readonly status: number;
  readonly input: Shape;
  readonly output: Shape;
  readonly doc: string;
  /** True when it changes nothing. */
  readonly readonly?: true;
  /** True when the body is the payload itself and no JSON object of members. */
  readonly hasPayload?: true;
  /** True when AWS has no such operation. */
  readonly extension?: true;
}
