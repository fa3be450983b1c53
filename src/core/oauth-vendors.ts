// The OAuth 2.0 providers that are known by name (AgentCore's CredentialProviderVendorType): where their endpoints are,
// how a client proves itself there, and what they want besides. Providers that have a server for each customer are
// told it through `includedOauth2ProviderConfig`.

export interface VendorEndpoints {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint?: string;
}

export interface Vendor {
  /** Its member of `oauth2ProviderConfigInput`. */
  readonly member: string;
  /** Absent where each customer has a server of their own. `{tenant}` stands for Microsoft's tenant. */
  readonly endpoints?: VendorEndpoints;
  /** How the client proves itself; `client_secret_basic` unless said (RFC 6749 §2.3.1). */
  readonly authentication?: 'client_secret_post';
  /** Parameters of the authorization request without which it gives nothing usable, unless the target says otherwise. */
  readonly parameters?: Readonly<Record<string, string>>;
}

const INCLUDED = 'includedOauth2ProviderConfig';

function at(issuer: string, authorizationEndpoint: string, tokenEndpoint: string): VendorEndpoints {
  return { issuer, authorizationEndpoint, tokenEndpoint };
}

/** Vendor name → what is known of it. `CustomOauth2` brings everything itself. */
export const VENDORS: Readonly<Record<string, Vendor>> = Object.freeze({
  CustomOauth2: { member: 'customOauth2ProviderConfig' },
  GoogleOauth2: {
    member: 'googleOauth2ProviderConfig',
    endpoints: {
      ...at(
        'https://accounts.google.com',
        'https://accounts.google.com/o/oauth2/v2/auth',
        'https://oauth2.googleapis.com/token',
      ),
      revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    },
    authentication: 'client_secret_post',
    parameters: { access_type: 'offline', prompt: 'consent' },
  },
  GithubOauth2: {
    member: 'githubOauth2ProviderConfig',
    endpoints: at(
      'https://github.com/login/oauth',
      'https://github.com/login/oauth/authorize',
      'https://github.com/login/oauth/access_token',
    ),
    authentication: 'client_secret_post',
  },
  SlackOauth2: {
    member: 'slackOauth2ProviderConfig',
    endpoints: at(
      'https://slack.com',
      'https://slack.com/oauth/v2/authorize',
      'https://slack.com/api/oauth.v2.access',
    ),
  },
  SalesforceOauth2: {
    member: 'salesforceOauth2ProviderConfig',
    endpoints: {
      ...at(
        'https://login.salesforce.com',
        'https://login.salesforce.com/services/oauth2/authorize',
        'https://login.salesforce.com/services/oauth2/token',
      ),
      revocationEndpoint: 'https://login.salesforce.com/services/oauth2/revoke',
    },
    authentication: 'client_secret_post',
  },
  MicrosoftOauth2: {
    member: 'microsoftOauth2ProviderConfig',
    endpoints: at(
      'https://login.microsoftonline.com/{tenant}/v2.0',
      'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize',
      'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token',
    ),
    authentication: 'client_secret_post',
  },
  AtlassianOauth2: {
    member: 'atlassianOauth2ProviderConfig',
    endpoints: at(
      'https://auth.atlassian.com',
      'https://auth.atlassian.com/authorize',
      'https://auth.atlassian.com/oauth/token',
    ),
    authentication: 'client_secret_post',
    parameters: { audience: 'api.atlassian.com', prompt: 'consent' },
  },
  LinkedinOauth2: {
    member: 'linkedinOauth2ProviderConfig',
    endpoints: at(
      'https://www.linkedin.com/oauth',
      'https://www.linkedin.com/oauth/v2/authorization',
      'https://www.linkedin.com/oauth/v2/accessToken',
    ),
    authentication: 'client_secret_post',
  },
  XOauth2: {
    member: INCLUDED,
    endpoints: {
      ...at('https://x.com', 'https://x.com/i/oauth2/authorize', 'https://api.x.com/2/oauth2/token'),
      revocationEndpoint: 'https://api.x.com/2/oauth2/revoke',
    },
  },
  OktaOauth2: { member: INCLUDED },
  OneLoginOauth2: { member: INCLUDED },
  PingOneOauth2: { member: INCLUDED },
  FacebookOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://www.facebook.com',
      'https://www.facebook.com/v21.0/dialog/oauth',
      'https://graph.facebook.com/v21.0/oauth/access_token',
    ),
    authentication: 'client_secret_post',
  },
  YandexOauth2: {
    member: INCLUDED,
    endpoints: {
      ...at(
        'https://oauth.yandex.com',
        'https://oauth.yandex.com/authorize',
        'https://oauth.yandex.com/token',
      ),
      revocationEndpoint: 'https://oauth.yandex.com/revoke_token',
    },
  },
  RedditOauth2: {
    member: INCLUDED,
    endpoints: {
      ...at(
        'https://www.reddit.com',
        'https://www.reddit.com/api/v1/authorize',
        'https://www.reddit.com/api/v1/access_token',
      ),
      revocationEndpoint: 'https://www.reddit.com/api/v1/revoke_token',
    },
    parameters: { duration: 'permanent' },
  },
  ZoomOauth2: {
    member: INCLUDED,
    endpoints: {
      ...at('https://zoom.us', 'https://zoom.us/oauth/authorize', 'https://zoom.us/oauth/token'),
      revocationEndpoint: 'https://zoom.us/oauth/revoke',
    },
  },
  TwitchOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://id.twitch.tv/oauth2',
      'https://id.twitch.tv/oauth2/authorize',
      'https://id.twitch.tv/oauth2/token',
    ),
    authentication: 'client_secret_post',
  },
  SpotifyOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://accounts.spotify.com',
      'https://accounts.spotify.com/authorize',
      'https://accounts.spotify.com/api/token',
    ),
  },
  DropboxOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://www.dropbox.com',
      'https://www.dropbox.com/oauth2/authorize',
      'https://api.dropboxapi.com/oauth2/token',
    ),
    parameters: { token_access_type: 'offline' },
  },
  NotionOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://api.notion.com',
      'https://api.notion.com/v1/oauth/authorize',
      'https://api.notion.com/v1/oauth/token',
    ),
    parameters: { owner: 'user' },
  },
  HubspotOauth2: {
    member: INCLUDED,
    endpoints: at(
      'https://app.hubspot.com',
      'https://app.hubspot.com/oauth/authorize',
      'https://api.hubapi.com/oauth/v1/token',
    ),
    authentication: 'client_secret_post',
  },
  CyberArkOauth2: { member: INCLUDED },
  FusionAuthOauth2: { member: INCLUDED },
  Auth0Oauth2: { member: INCLUDED },
  CognitoOauth2: { member: INCLUDED },
});
