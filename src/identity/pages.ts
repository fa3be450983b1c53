// The few pages that users' browsers see: who asks for what on whose behalf, what was given, what went wrong. No
// script, nothing from elsewhere, in nobody's frame; every text from outside is escaped.

import { createHash } from 'node:crypto';
import type { TokenUser } from '../core/resources.ts';
import type { UserConsent, WebAnswer } from './identity.ts';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:3rem auto;padding:0 1rem;color:#1c1e21;background:#fff}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.2rem}dt{color:#5b616b}dd{margin:0;overflow-wrap:anywhere}
button{font:inherit;padding:.5rem 1.2rem;border-radius:6px;border:1px solid #1c5fd4;background:#1c5fd4;color:#fff;cursor:pointer}
button.plain{background:none;color:inherit;border-color:#8a919c}button:focus-visible{outline:3px solid #f0a020}
p.warning{border-left:4px solid #d08700;padding-left:1rem}li{margin:.8rem 0}
@media(prefers-color-scheme:dark){body{color:#e6e7e9;background:#16181b}dt{color:#a7adb7}}`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

const HEADERS = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // No form-action: browsers would hold the provider's own redirects after our form against it.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
});

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
  readonly scopes: readonly string[];
  readonly user: TokenUser;
  readonly returnHost?: string;
}

/** Asks the user whether to go on to the provider. */
export function consentPage(page: ConsentPage, headers: Readonly<Record<string, string>>): WebAnswer {
  const scopes =
    page.scopes.length === 0
      ? 'what the provider gives without being asked for more'
      : page.scopes.map((scope) => `<code>${escape(scope)}</code>`).join(', ');
  return html(
    200,
    'Allow access?',
    `<p><strong>${escape(page.workloadName)}</strong> asks for access to your account at
<strong>${escape(page.providerHost)}</strong>.</p>
<dl><dt>Gateway or application</dt><dd>${escape(page.workloadName)}</dd>
${page.clientId === undefined ? '' : `<dt>You work with it through</dt><dd>${escape(page.clientId)}</dd>`}
<dt>Provider</dt><dd>${escape(page.providerName)} (${escape(page.providerHost)})</dd>
<dt>Access</dt><dd>${scopes}</dd>
<dt>For the user</dt><dd>${userText(page.user)}</dd>
${page.returnHost === undefined ? '' : `<dt>Then back to</dt><dd>${escape(page.returnHost)}</dd>`}</dl>
<p class="warning">Go on only if you are this user and have just asked for this yourself. If somebody has sent you this
link, close the page: your account would be used by them.</p>
<form method="post" action="/identities/authorize">${hidden('request_uri', page.requestUri)}${hidden('csrf', page.csrf)}
<button>Continue to ${escape(page.providerHost)}</button></form>
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
    ) => `<li><strong>${escape(consent.providerName)}</strong> for ${escape(page.names.get(consent.workloadId) ?? consent.workloadId)}
(${escape(consent.scopes.join(', ') || 'no scopes')}), ${new Date(consent.obtainedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC
<form method="post" action="/identities/consents">${hidden('request_uri', page.requestUri)}${hidden('csrf', page.csrf)}${hidden('consent', consent.consentId)}
<button class="plain">Take back</button></form></li>`,
  );
  return html(
    200,
    'What you have allowed',
    `<p>For the user ${userText(page.user)}.</p>
${items.length === 0 ? '<p>Nothing at the moment.</p>' : `<ul>${items.join('\n')}</ul>`}`,
    headers,
  );
}

/** A page with one message. */
export function messagePage(status: number, title: string, message: string): WebAnswer {
  return html(status, title, `<p>${escape(message)}</p>`, {});
}

/** Sends the browser on, as GET, and without telling where it was. */
export function redirectTo(location: string, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return {
    status: 303,
    headers: { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', location, ...headers },
    body: '',
  };
}

function html(
  status: number,
  title: string,
  content: string,
  headers: Readonly<Record<string, string>>,
): WebAnswer {
  return {
    status,
    headers: { ...HEADERS, ...headers },
    body: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escape(title)}</h1>
${content}
</main></body></html>`,
  };
}

function hidden(name: string, value: string): string {
  return `<input type="hidden" name="${name}" value="${escape(value)}">`;
}

function userText(user: TokenUser): string {
  return 'userId' in user
    ? `<code>${escape(user.userId)}</code>`
    : `<code>${escape(user.subject)}</code> of ${escape(user.issuer)}`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
