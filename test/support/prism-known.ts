// What Prism holds against requests that are right, and what it cannot judge, each with its reason. Both lists are
// exact: what is missing here fails the test, and so does what no longer happens.

export interface KnownOperation {
  readonly document: string;
  /** Names of tools. */
  readonly operations: readonly string[];
  readonly reason: string;
}

/** Operations with a violation. They count against us all the same. */
export const VIOLATIONS: readonly KnownOperation[] = [
  {
    document: 'apisguru-bbc.co.uk.json',
    operations: ['getPopularEpisodesClips'],
    reason: 'an enum of strings stands on the array itself: no value can satisfy it',
  },
  {
    document: 'apisguru-googleapis.com-drive.json',
    operations: ['drive_files_create', 'drive_files_update'],
    reason: 'Prism wants a body although it is optional',
  },
  {
    document: 'apisguru-googleapis.com-gmail.json',
    operations: [
      'gmail_users_drafts_create',
      'gmail_users_drafts_send',
      'gmail_users_messages_insert',
      'gmail_users_messages_import',
      'gmail_users_messages_send',
    ],
    reason: 'Prism wants a body although it is optional',
  },
  {
    document: 'apisguru-stripe.com.json.gz',
    operations: [
      'PostBillingPortalConfigurations',
      'PostCustomersCustomerSubscriptions',
      'PostIssuingCardholdersCardholder',
      'PostSetupIntentsIntentConfirm',
      'PostSources',
      'PostTerminalReadersReaderSetReaderDisplay',
      'PostTestHelpersTreasuryReceivedDebits',
      'PostTreasuryFinancialAccounts',
    ],
    reason: 'Prism takes an absent deepObject of a form for an empty one, and misses its members',
  },
  {
    document: 'apisguru-stripe.com.json.gz',
    operations: ['PostQuotesQuote', 'PostSubscriptionSchedules'],
    reason: 'Prism reads no lists of objects in forms',
  },
  {
    document: 'argoproj-argo-cd-swagger.json',
    operations: [
      'ApplicationService_Update',
      'ClusterService_Update',
      'ClusterService_InvalidateCache',
      'RepoCredsService_UpdateRepositoryCredentials',
      'RepositoryService_GetAppDetails',
      'RepoCredsService_UpdateWriteRepositoryCredentials',
    ],
    reason: 'Prism does not find paths whose variables have a dot in their name',
  },
  {
    document: 'cloudevents-subscriptions-openapi.yaml',
    operations: ['updateSubscription'],
    reason: 'oneOf whose first branch takes everything: nothing matches exactly one',
  },
  {
    document: 'ga4gh-workflow_execution_service.openapi.yaml',
    operations: ['RunWorkflow'],
    reason: 'Prism reads a list of files in multipart as a single value',
  },
  {
    document: 'googlemaps-google-maps-platform-openapi3.json.gz',
    operations: ['nearbySearch', 'textSearch'],
    reason: 'an enum of numbers stands on a string: no value can satisfy it',
  },
  {
    document: 'library-3.0.yaml',
    operations: ['addBook'],
    reason: 'a required member is readOnly: it is not sent, and Prism asks for it',
  },
  {
    document: 'ory-kratos-api.json',
    operations: ['updateRegistrationFlow'],
    reason:
      'oneOf with branches that overlap unless a discriminator tells them apart, which Prism does not read',
  },
  {
    document: 'ory-kratos-api.json',
    operations: ['updateSettingsFlow'],
    reason: 'it asks for a security scheme that the document does not describe',
  },
  {
    document: 'stoplightio-petstore.oas2.yaml',
    operations: [
      'placeOrder',
      'createUser',
      'createUsersWithArrayInput',
      'createUsersWithListInput',
      'updateUser',
    ],
    reason: 'Swagger 2.0 without `consumes`: Prism then refuses every body',
  },
  {
    document: 'twilio-twilio_messaging_v1.yaml',
    operations: ['UpdateTollfreeVerification', 'CreateTollfreeVerification', 'CreateUsAppToPerson'],
    reason: 'Prism reads lists in forms only where an Encoding Object has a style',
  },
];

/** Operations that got no verdict. They are not counted. */
export const WITHOUT_VERDICT: readonly KnownOperation[] = [
  {
    document: 'trpc-cyclicTypesRouter.openapi.json',
    operations: ['zodTypes_category', 'zodTypes_treeNode', 'zodTypes_linkedList', 'zodTypes_comment'],
    reason: 'Prism ends with a stack overflow over a recursive schema in a query parameter',
  },
];
