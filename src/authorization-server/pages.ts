// The pages of the authorization server: sign in, allow.

import { escapeText, page, visibleText } from '../core/web-page.ts';
import type { WebAnswer } from '../core/web-page.ts';

/** Who asks for what, as far as it is known. */
export interface ClientView {
  /** What the client calls itself. */
  readonly name: string | undefined;
  readonly id: string;
  /** Host of the metadata document that vouches for the client; absent where it only says so itself. */
  readonly documentHost?: string;
  readonly redirectUri: string;
  readonly isLoopback: boolean;
  readonly gateways: readonly string[];
  readonly scopes: readonly string[];
}

/** Asks for user name and password. */
export function loginPage(
  client: ClientView,
  form: {
    readonly action: string;
    readonly userName?: string;
    readonly fault?: string;
    readonly status?: number;
  },
): WebAnswer {
  const fault =
    form.fault === undefined ? '' : `<p class="alert" role="alert" id="fault">${escapeText(form.fault)}</p>`;
  const described = form.fault === undefined ? '' : ' aria-describedby="fault" aria-invalid="true"';
  return page(
    form.status ?? 200,
    'Sign in',
    `<p>to go on to ${gatewayText(client)} with <strong>${escapeText(shownName(client))}</strong></p>
${fault}<form method="post" action="${escapeText(form.action)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escapeText(form.userName ?? '')}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required${form.userName === undefined ? ' autofocus' : ''}${described}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1000" required${form.userName === undefined ? '' : ' autofocus'}${described}>
<div class="row"><button name="decision" value="sign-in">Sign in</button>
<button class="plain" name="decision" value="deny" formnovalidate>Cancel</button></div></form>`,
  );
}

/** Asks whether a client may act for the user; `next` is the button that agrees. */
export function consentPage(
  client: ClientView,
  form: { readonly action: string; readonly next: string; readonly userName?: string },
): WebAnswer {
  const scopes = client.scopes.map((scope) => `<li><code>${escapeText(scope)}</code></li>`).join('');
  const vouched =
    client.documentHost === undefined
      ? 'It registered itself; nobody has checked its name.'
      : `It is described by <strong>${escapeText(client.documentHost)}</strong>.`;
  const warning = client.isLoopback
    ? `<p class="warning">The answer goes to a program on your own computer. Go on only if you have just started this
yourself: any other program there could pass itself off as “${escapeText(shownName(client))}”.</p>`
    : '';
  return page(
    200,
    `Allow ${shownName(client)}?`,
    `<p><strong>${escapeText(shownName(client))}</strong> asks to use ${gatewayText(client)} on your behalf.</p>
<dl><dt>Application</dt><dd>${escapeText(shownName(client))}<br>${vouched}</dd>
<dt>The answer goes to</dt><dd><strong>${escapeText(hostOf(client.redirectUri))}</strong></dd>
<dt>Gateway</dt><dd>${client.gateways.map((name) => escapeText(name)).join(', ') || 'none'}</dd>
<dt>It may</dt><dd><ul><li>call the tools of this gateway as you</li>${scopes}</ul></dd>
${form.userName === undefined ? '' : `<dt>Signed in as</dt><dd>${escapeText(form.userName)}</dd>`}</dl>
${warning}<form method="post" action="${escapeText(form.action)}"><div class="row">
<button name="decision" value="allow">${escapeText(form.next)}</button>
<button class="plain" name="decision" value="deny">Do not allow</button></div></form>`,
  );
}

function gatewayText({ gateways }: ClientView): string {
  return gateways.length === 0
    ? 'this server'
    : gateways.map((name) => `<strong>${escapeText(name)}</strong>`).join(', ');
}

function shownName({ name, id }: ClientView): string {
  const visible = visibleText(name ?? '');
  return visible === '' ? visibleText(id) : visible;
}

function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host : uri;
}
