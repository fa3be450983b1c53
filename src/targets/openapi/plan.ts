// How an operation is called: the contract between the import (which writes plans) and the invocation (which
// reads them). A plan is JSON, stored with the tool, made once per change of the target.

import type { CredentialPlacement } from '../../core/outbound.ts';

export type ParameterStyle =
  | 'matrix'
  | 'label'
  | 'simple'
  | 'form'
  | 'spaceDelimited'
  | 'pipeDelimited'
  | 'deepObject'
  | 'tabDelimited'
  | 'cookie';

export interface ParameterPlan {
  /** Member of the tool's arguments. */
  readonly argument: string;
  /** Name on the wire. */
  readonly name: string;
  /** `querystring` (OpenAPI 3.2): the whole query, serialised by `contentType`. */
  readonly in: 'path' | 'query' | 'header' | 'cookie' | 'querystring';
  readonly style: ParameterStyle;
  readonly explode: boolean;
  readonly allowReserved?: boolean;
  readonly required?: boolean;
  /** Set for parameters with `content`: the value is serialised in this media type. */
  readonly contentType?: string;
  /** Swagger 2.0 `collectionFormat: tsv`, `ssv`, `pipes` become the styles above. A path template `{+x}`/`{x*}` may hold slashes. */
  readonly multiSegment?: boolean;
}

export type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'binary';

/** How one property of a form or multipart body is written (OpenAPI Encoding Object). */
export interface PropertyEncoding {
  readonly contentType?: string;
  readonly style?: ParameterStyle;
  readonly explode?: boolean;
  readonly allowReserved?: boolean;
  /** The argument is base64 of a file: `{ data, filename?, contentType? }` or a plain base64 string. */
  readonly file?: boolean;
  /** An array whose items are files. */
  readonly files?: boolean;
}

export interface BodyPlan {
  readonly kind: BodyKind;
  /** Value of the Content-Type header, without a multipart boundary. */
  readonly contentType: string;
  readonly required: boolean;
  /** The whole body is this one argument … */
  readonly argument?: string;
  /** … or these arguments are its properties: [argument, property name on the wire]. */
  readonly properties?: readonly (readonly [argument: string, property: string])[];
  /** Form and multipart only; key is the property name on the wire. */
  readonly encoding?: Readonly<Record<string, PropertyEncoding>>;
}

export interface OperationPlan {
  /** Upper case. */
  readonly method: string;
  /** Absolute base URL, variables filled in, no trailing slash, no query. */
  readonly server: string;
  /** Template with `{name}` parts as in the document, beginning with `/`, without query and fragment. */
  readonly path: string;
  /** Fixed query pairs that stood in the document's path (`/x?action=list`). */
  readonly query?: readonly (readonly [string, string])[];
  readonly parameters: readonly ParameterPlan[];
  readonly body?: BodyPlan;
  /** Value of the Accept header. */
  readonly accept?: string;
  /** Where the document's `security` puts the credential; `none`: the operation says it is public. */
  readonly security?: CredentialPlacement | 'none';
  /** The tool has an output schema: the member that wraps a non-object answer, or `''` when it is an object itself. */
  readonly structured?: string;
}
