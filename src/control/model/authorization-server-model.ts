// Operations and shapes of the authorization server's users and clients: Gatewright's own, in the form of the identity
// operations.

import { epochTime, list, must, sized, structure, text, whole } from './shape.ts';
import type { OperationModel, Shapes } from './shape.ts';

const OPERATION_LINES = [
  [
    'CreateLocalUser',
    201,
    'LocalUserPasswordRequest',
    'LocalUser',
    'Adds a user of the authorization server.',
  ],
  [
    'ListLocalUsers',
    200,
    'ListLocalUsersRequest',
    'ListLocalUsersResponse',
    'Lists the users, oldest first.',
  ],
  [
    'SetLocalUserPassword',
    200,
    'LocalUserPasswordRequest',
    'LocalUser',
    'Gives a user a new password, and ends what was signed in with the old one.',
  ],
  [
    'DeleteLocalUser',
    204,
    'DeleteLocalUserRequest',
    'EmptyResponse',
    'Removes a user. Access tokens end within a quarter of an hour.',
  ],
  [
    'CreateOauthClient',
    201,
    'CreateOauthClientRequest',
    'CreateOauthClientResponse',
    'Makes a client for calls without a user (client credentials). Its secret is shown this once.',
  ],
  ['ListOauthClients', 200, 'ListOauthClientsRequest', 'ListOauthClientsResponse', 'Lists these clients.'],
  [
    'DeleteOauthClient',
    204,
    'DeleteOauthClientRequest',
    'EmptyResponse',
    'Removes such a client. Its tokens end within a quarter of an hour.',
  ],
] as const;

/** The operations, for the table. */
export const AUTHORIZATION_SERVER_OPERATIONS: readonly OperationModel[] = OPERATION_LINES.map(
  ([name, status, input, output, doc]): OperationModel => ({
    name,
    method: 'POST',
    uri: `/identities/${name}`,
    status,
    input,
    output,
    doc,
    extension: true,
    ...(name.startsWith('List') ? { readonly: true } : {}),
  }),
);

const page = { nextToken: text(), maxResults: whole(1, 100) };
const client = {
  clientId: must(text()),
  name: must('OauthClientName'),
  gatewayIdentifiers: list('GatewayIdentifier', 0, 1000),
  createdTime: must(epochTime),
};

/** Shapes reachable from them. */
export const AUTHORIZATION_SERVER_SHAPES: Shapes = {
  LocalUserPasswordRequest: structure({
    userName: must('LocalUserName'),
    password: must(sized(12, 1000, { sensitive: true })),
  }),
  DeleteLocalUserRequest: structure({ userName: must('LocalUserName') }),
  LocalUser: structure({
    userName: must('LocalUserName'),
    userId: must(text()),
    createdTime: must(epochTime),
    passwordChangedTime: must(epochTime),
  }),
  ListLocalUsersRequest: structure(page),
  ListLocalUsersResponse: structure({ users: must(list('LocalUser')), nextToken: text() }),
  LocalUserName: sized(1, 64, { pattern: String.raw`[A-Za-z0-9][\w.@+-]*` }),

  CreateOauthClientRequest: structure({
    name: must('OauthClientName'),
    gatewayIdentifiers: list('GatewayIdentifier', 0, 1000),
  }),
  CreateOauthClientResponse: structure({ ...client, clientSecret: must(text({ sensitive: true })) }),
  OauthClient: structure(client),
  ListOauthClientsRequest: structure(page),
  ListOauthClientsResponse: structure({ clients: must(list('OauthClient')), nextToken: text() }),
  DeleteOauthClientRequest: structure({ clientId: must(text()) }),
  OauthClientName: sized(1, 64, { pattern: String.raw`[\w][\w .@+-]*` }),
};
