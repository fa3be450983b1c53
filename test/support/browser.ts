// A browser without a window: keeps cookies by their rules of path and name, follows redirects until they leave the server,
// and fills in forms.

export interface BrowserPage {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly attributes: string;
}

export interface Browser {
  /** Cookies by name and path, as they were set. */
  readonly cookies: Map<string, Cookie>;
  /** Goes to an address; where a redirect leaves the origins it may visit, that is the page, with no body. */
  open(url: string): Promise<BrowserPage>;
  /** Sends the form of a page with these fields. */
  submit(
    page: BrowserPage,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<BrowserPage>;
}

/** A browser that stays on these origins. */
export function openBrowser(...origins: readonly string[]): Browser {
  const cookies = new Map<string, Cookie>();

  async function go(url: string, init: RequestInit): Promise<BrowserPage> {
    let at = url;
    let request = init;
    for (let hops = 0; hops < 20; hops += 1) {
      const { origin, pathname } = new URL(at);
      if (!origins.includes(origin)) return { url: at, status: 0, headers: new Headers(), body: '' };
      const cookie = [...cookies]
        .filter(([, { path }]) => pathname === path || pathname.startsWith(path === '/' ? '/' : `${path}/`))
        .map(([key, { value }]) => `${key.split('|', 1)[0]}=${value}`)
        .join('; ');
      const response = await fetch(at, {
        ...request,
        redirect: 'manual',
        headers: { ...(request.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) },
      });
      for (const line of response.headers.getSetCookie()) keep(line, pathname);
      const location = response.headers.get('location');
      if (response.status < 300 || response.status > 399 || location === null)
        return { url: at, status: response.status, headers: response.headers, body: await response.text() };
      await response.arrayBuffer();
      at = new URL(location, at).href;
      request = { headers: { accept: 'text/html' } };
    }
    throw new Error(`too many redirects from ${url}`);
  }

  function keep(line: string, pathname: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf('='));
    const path = attributes.find((part) => /^path=/i.test(part))?.slice(5) ?? pathname;
    const expires = attributes.find((part) => /^expires=/i.test(part))?.slice(8);
    const key = `${name}|${path}`;
    if (expires !== undefined && Date.parse(expires) < Date.now()) cookies.delete(key);
    else
      cookies.set(key, { value: pair.slice(pair.indexOf('=') + 1), path, attributes: attributes.join('; ') });
  }

  return {
    cookies,
    open: (url) => go(url, { headers: { accept: 'text/html' } }),
    submit(page, fields, headers = {}) {
      const action = /<form[^>]*action="([^"]*)"/.exec(page.body)?.[1] ?? page.url;
      return go(new URL(action, page.url).href, {
        method: 'POST',
        body: new URLSearchParams(fields).toString(),
        headers: {
          accept: 'text/html',
          'content-type': 'application/x-www-form-urlencoded',
          origin: new URL(page.url).origin,
          ...headers,
        },
      });
    },
  };
}
