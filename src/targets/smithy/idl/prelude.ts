// Names that every model has without saying so: the shapes and traits of the namespace smithy.api (Smithy 2.0, "Prelude").

const NAMES = `String Blob BigInteger BigDecimal Timestamp Document Boolean Byte Short Integer Long Float Double
  PrimitiveBoolean PrimitiveByte PrimitiveShort PrimitiveInteger PrimitiveLong PrimitiveFloat PrimitiveDouble Unit
  addedDefault auth authDefinition box clientOptional cors default deprecated documentation endpoint enum enumValue error
  eventHeader eventPayload examples externalDocumentation hostLabel http httpApiKeyAuth httpBasicAuth httpBearerAuth
  httpChecksumRequired httpDigestAuth httpError httpHeader httpLabel httpPayload httpPrefixHeaders httpQuery
  httpQueryParams httpResponseCode idRef idempotencyToken idempotent input internal jsonName length longPoll mediaType
  metadata mixin nestedProperties noReplace notProperty optionalAuth output paginated pattern private property
  protocolDefinition range readonly recommended references requestCompression required requiresLength
  resourceIdentifier retryable sensitive since sparse streaming suppress tags timestampFormat title trait
  traitValidators uniqueItems unitType unstable xmlAttribute xmlFlattened xmlName xmlNamespace`;

/** Names of smithy.api that files use without a namespace. */
export const PRELUDE: ReadonlySet<string> = new Set(NAMES.split(/\s+/));

/** Traits of the prelude whose value is a list: left out, it is an empty one. */
export const LIST_TRAITS: ReadonlySet<string> = new Set(
  ['auth', 'enum', 'examples', 'references', 'suppress', 'tags'].map((name) => `smithy.api#${name}`),
);
