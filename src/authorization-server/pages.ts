// The pages of the authorization server: sign in, allow, something went wrong. No script, nothing from elsewhere, in
// nobody's frame; whatever a client or a user has written is escaped, and shown without characters that deceive the eye.

import { createHash } from 'node:crypto';

const STYLE = `:root{color-scheme:light dark}*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1c1e21;background:#f4f5f7}
main{max-width:32rem;margin:5vh auto 2rem;padding:1.6rem 2rem;background:#fff;border:1px solid #d9dce1;border-radius:10px}
h1{font-size:1.4rem;line-height:1.25;margin:0 0 1rem}p{margin:0 0 1rem}
dl{margin:0 0 1rem;padding:.7rem 0 .2rem;border-top:1px solid #d9dce1;border-bottom:1px solid #d9dce1}
dt{color:#5b616b;font-size:.85rem}dd{margin:0 0 .45rem;overflow-wrap:anywhere}
ul{margin:0;padding-left:1.2rem}code{font-size:.9em}
label{display:block;font-weight:600;margin:0 0 .3rem}
input{display:block;width:100%;font:inherit;padding:.55rem .7rem;margin:0 0 1.1rem;color:inherit;background:#fff;border:1px solid #757c87;border-radius:6px}
button{font:inherit;font-weight:600;padding:.6rem 1.3rem;border-radius:6px;border:1px solid #1c5fd4;background:#1c5fd4;color:#fff;cursor:pointer}
button.plain{background:none;color:inherit;border-color:#757c87;font-weight:400}
input:focus-visible,button:focus-visible{outline:3px solid #f0a020;outline-offset:2px}
.row{display:flex;flex-wrap:wrap;gap:.8rem}
.alert{border-left:4px solid #b3261e;padding-left:1rem}.warning{border-left:4px solid #b26a00;padding-left:1rem}
@media(prefers-color-scheme:dark){body{color:#e6e7e9;background:#101214}main{background:#1a1d21;border-color:#3a3f47}
dl{border-color:#3a3f47}dt{color:#a7adb7}input{background:#101214;border-color:#8a919c}}
@media(max-width:34rem){main{margin:0;border:0;border-radius:0;min-height:100vh}}`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Headers of every page and every redirect. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': 'no-store',
  // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // No form-action: browsers hold redirects after a form against it, and ours end at the client.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
});

/** An answer for a browser. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

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
): PageAnswer {
  const fault =
    form.fault === undefined ? '' : `<p class="alert" role="alert" id="fault">${escape(form.fault)}</p>`;
  const described = form.fault === undefined ? '' : ' aria-describedby="fault" aria-invalid="true"';
  return page(
    form.status ?? 200,
    'Sign in',
    `<p>to go on to ${gatewayText(client)} with <strong>${escape(shownName(client))}</strong></p>
${fault}<form method="post" action="${escape(form.action)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escape(form.userName ?? '')}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required${form.userName === undefined ? ' autofocus' : ''}${described}>
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
): PageAnswer {
  const scopes = client.scopes.map((scope) => `<li><code>${escape(scope)}</code></li>`).join('');
  const vouched =
    client.documentHost === undefined
      ? 'It registered itself; nobody has checked its name.'
      : `It is described by <strong>${escape(client.documentHost)}</strong>.`;
  const warning = client.isLoopback
    ? `<p class="warning">The answer goes to a program on your own computer. Go on only if you have just started this
yourself: any other program there could pass itself off as “${escape(shownName(client))}”.</p>`
    : '';
  return page(
    200,
    `Allow ${shownName(client)}?`,
    `<p><strong>${escape(shownName(client))}</strong> asks to use ${gatewayText(client)} on your behalf.</p>
<dl><dt>Application</dt><dd>${escape(shownName(client))}<br>${vouched}</dd>
<dt>The answer goes to</dt><dd><strong>${escape(hostOf(client.redirectUri))}</strong></dd>
<dt>Gateway</dt><dd>${client.gateways.map((name) => escape(name)).join(', ') || 'none'}</dd>
<dt>It may</dt><dd><ul><li>call the tools of this gateway as you</li>${scopes}</ul></dd>
${form.userName === undefined ? '' : `<dt>Signed in as</dt><dd>${escape(form.userName)}</dd>`}</dl>
${warning}<form method="post" action="${escape(form.action)}"><div class="row">
<button name="decision" value="allow">${escape(form.next)}</button>
<button class="plain" name="decision" value="deny">Do not allow</button></div></form>`,
  );
}

/** One message, and nothing to do. */
export function messagePage(status: number, title: string, message: string): PageAnswer {
  return page(status, title, `<p>${escape(message)}</p>`);
}

/** Sends the browser on, with GET. */
export function redirectTo(location: string, headers: Readonly<Record<string, string>> = {}): PageAnswer {
  return { status: 303, headers: { ...PAGE_HEADERS, location, ...headers }, body: '' };
}

function page(status: number, title: string, content: string): PageAnswer {
  return {
    status,
    headers: { ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8' },
    body: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escape(title)}</h1>
${content}
</main></body></html>`,
  };
}

function gatewayText({ gateways }: ClientView): string {
  return gateways.length === 0
    ? 'this server'
    : gateways.map((name) => `<strong>${escape(name)}</strong>`).join(', ');
}

function shownName({ name, id }: ClientView): string {
  const visible = plain(name ?? '');
  return visible === '' ? plain(id) : visible;
}

function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host : uri;
}

/** Without control characters and those that turn the direction of writing or hide. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '').trim();
}

function escape(text: string): string {
  return plain(text).replaceAll(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}
