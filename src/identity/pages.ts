// The few pages that users' browsers see of consents: who asks for what on whose behalf, and what was given.

import type { TokenUser } from '../core/resources.ts';
import { escapeText, page as webPage } from '../core/web-page.ts';
import type { WebAnswer } from '../core/web-page.ts';
import type { UserConsent } from './identity.ts';

/** What a consent page says. */
export interface ConsentPage {
  readonly requestUri: string;
  readonly csrf: string;
  /** The gateway or application on whose account the access is kept. */
  readonly workloadName: string;
  readonly clientId?: string;
  readonly providerName: string;
  /** Host of the page that follows. */
  readonly providerHost: string;
  /** Address of the one server that the access is for, where there is one. */
  readonly server?: string;
  readonly scopes: readonly string[];
  readonly user: TokenUser;
  readonly returnHost?: string;
}

/** Asks the user whether to go on to the provider. */
export function consentPage(page: ConsentPage, headers: Readonly<Record<string, string>>): WebAnswer {
  const scopes =
    page.scopes.length === 0
      ? 'what the provider gives without being asked for more'
      : page.scopes.map((scope) => `<code>${escapeText(scope)}</code>`).join(', ');
  return webPage(
    200,
    'Allow access?',
    `<p><strong>${escapeText(page.workloadName)}</strong> asks for access to your account at
<strong>${escapeText(page.providerHost)}</strong>.</p>
<dl><dt>Gateway or application</dt><dd>${escapeText(page.workloadName)}</dd>
${page.clientId === undefined ? '' : `<dt>You work with it through</dt><dd>${escapeText(page.clientId)}</dd>`}
<dt>Provider</dt><dd>${escapeText(page.providerName)} (${escapeText(page.providerHost)})</dd>
${page.server === undefined ? '' : `<dt>For the server</dt><dd>${escapeText(page.server)}</dd>\n`}<dt>Access</dt><dd>${scopes}</dd>
<dt>For the user</dt><dd>${userText(page.user)}</dd>
${page.returnHost === undefined ? '' : `<dt>Then back to</dt><dd>${escapeText(page.returnHost)}</dd>`}</dl>
<p class="warning">Go on only if you are this user and have just asked for this yourself. If somebody has sent you this
link, close the page: your account would be used by them.</p>
<form method="post" action="/identities/authorize">${hidden('request_uri', page.requestUri)}${hidden('csrf', page.csrf)}
<button>Continue to ${escapeText(page.providerHost)}</button></form>
<p><a href="/identities/consents?request_uri=${encodeURIComponent(page.requestUri)}">What you have allowed so far</a></p>`,
    headers,
  );
}

/** Lists what a user has allowed, with a button to take each back. */
export function consentsPage(
  page: {
    readonly requestUri: string;
    readonly csrf: string;
    readonly user: TokenUser;
    readonly consents: readonly UserConsent[];
    readonly names: ReadonlyMap<string, string>;
  },
  headers: Readonly<Record<string, string>>,
): WebAnswer {
  const items = page.consents.map(
    (
      consent,
    ) => `<li><strong>${escapeText(consent.providerName)}</strong> for ${escapeText(page.names.get(consent.workloadId) ?? consent.workloadId)}
(${escapeText(consent.scopes.join(', ') || 'no scopes')}), ${new Date(consent.obtainedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC
<form method="post" action="/identities/consents">${hidden('request_uri', page.requestUri)}${hidden('csrf', page.csrf)}${hidden('consent', consent.consentId)}
<button class="plain">Take back</button></form></li>`,
  );
  return webPage(
    200,
    'What you have allowed',
    `<p>For the user ${userText(page.user)}.</p>
${items.length === 0 ? '<p>Nothing at the moment.</p>' : `<ul>${items.join('\n')}</ul>`}`,
    headers,
  );
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${name}" value="${escapeText(value)}">`;
}

function userText(user: TokenUser): string {
  return 'userId' in user
    ? `<code>${escapeText(user.userId)}</code>`
    : `<code>${escapeText(user.subject)}</code> of ${escapeText(user.issuer)}`;
}
