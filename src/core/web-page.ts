// Pages for users' browsers: one look, and what keeps them safe. No script, nothing from elsewhere, in nobody's frame;
// whatever somebody has written is escaped, and shown without characters that deceive the eye.

import { createHash } from 'node:crypto';

const STYLE = `:root{color-scheme:light dark}*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1c1e21;background:#f4f5f7}
main{max-width:32rem;margin:5vh auto 2rem;padding:1.6rem 2rem;background:#fff;border:1px solid #d9dce1;border-radius:10px}
h1{font-size:1.4rem;line-height:1.25;margin:0 0 1rem}p{margin:0 0 1rem}
dl{margin:0 0 1rem;padding:.7rem 0 .2rem;border-top:1px solid #d9dce1;border-bottom:1px solid #d9dce1}
dt{color:#5b616b;font-size:.85rem}dd{margin:0 0 .45rem;overflow-wrap:anywhere}
ul{margin:0;padding-left:1.2rem}li{margin:0 0 .4rem}code{font-size:.9em}
main>ul form{margin:.4rem 0 1rem}form+p{margin:1rem 0 0}
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
  // No form-action: browsers hold redirects after a form against it, and ours end at clients and providers.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
});

/** An answer for a browser. */
export interface WebAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A page: its title as text, its content as HTML. */
export function page(
  status: number,
  title: string,
  content: string,
  headers: Readonly<Record<string, string>> = {},
): WebAnswer {
  return {
    status,
    headers: { ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8', ...headers },
    body: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeText(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escapeText(title)}</h1>
${content}
</main></body></html>`,
  };
}

/** One message, and nothing to do. */
export function messagePage(status: number, title: string, message: string): WebAnswer {
  return page(status, title, `<p>${escapeText(message)}</p>`);
}

/** Sends the browser on, with GET, and without telling other servers where it was. */
export function redirectTo(location: string, headers: Readonly<Record<string, string>> = {}): WebAnswer {
  return { status: 303, headers: { ...PAGE_HEADERS, location, ...headers }, body: '' };
}

/** Without control characters and those that turn the direction of writing or hide. */
export function visibleText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '').trim();
}

/** Text as HTML, in content and in quoted attributes. */
export function escapeText(text: string): string {
  return visibleText(text).replaceAll(/[&<>"'`]/g, (char) => `&#${char.charCodeAt(0)};`);
}
