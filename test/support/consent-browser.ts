// The browser of a user who gives consent: the pages of the gateway, then those of a provider, then back. Knows both by
// their forms alone.

/** A browser: cookies by host, redirects followed only when asked to. */
export class ConsentBrowser {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly visited: string[] = [];

  async fetch(address: string | URL, init: RequestInit = {}): Promise<Response> {
    const url = new URL(address);
    const jar = this.#cookies.get(url.host) ?? new Map<string, string>();
    this.#cookies.set(url.host, jar);
    this.visited.push(url.href);
    const headers = new Headers(init.headers);
    if (jar.size > 0) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';', 1)[0] ?? '').split(/=(.*)/s);
      if (value === '' || /expires=Thu, 01 Jan 1970/i.test(cookie)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  /** Follows redirects for as long as they stay away from `stop`. Gives the last answer, or the address stopped at. */
  async follow(
    address: string | URL,
    stop: (url: URL) => boolean,
    init?: RequestInit,
  ): Promise<{ readonly url: URL; readonly response?: Response }> {
    let url = new URL(address);
    let next = init;
    for (let hops = 0; hops < 20; hops += 1) {
      if (stop(url)) return { url };
      const response = await this.fetch(url, next);
      next = undefined;
      const location = response.headers.get('location');
      if (location === null) return { url, response };
      url = new URL(location, url);
    }
    throw new Error('too many redirects');
  }

  /** Opens a consent link and presses the button. Gives the address of the provider that follows. */
  async startConsent(link: string): Promise<URL> {
    const page = await this.fetch(link);
    const html = await page.text();
    const response = await this.fetch(new URL('/identities/authorize', link), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: fieldsOf(html),
    });
    const location = response.headers.get('location');
    if (location === null)
      throw new Error(`no way to the provider: ${response.status} ${await response.text()}`);
    return new URL(location);
  }

  /** Logs in at the provider and allows everything. Gives the callback address, not visited yet. */
  async logIn(address: URL, user: string): Promise<URL> {
    const isCallback = (url: URL): boolean => url.pathname.startsWith('/identities/callback/');
    let at = await this.follow(address, isCallback);
    for (let forms = 0; forms < 4 && at.response; forms += 1) {
      const html = await at.response.text();
      const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
      if (action === undefined) throw new Error(`no form: ${html.slice(0, 500)}`);
      const fields = fieldsOf(html);
      if (fields.get('prompt') === 'login') {
        fields.set('login', user);
        fields.set('password', 'any');
      }
      at = await this.follow(new URL(action, at.url), isCallback, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: fields,
      });
    }
    return at.url;
  }

  /** All of it: link, provider, callback. Gives where the callback sends the browser. */
  async consent(link: string, user = 'user'): Promise<URL> {
    const callback = await this.logIn(await this.startConsent(link), user);
    const response = await this.fetch(callback);
    return new URL(response.headers.get('location') ?? '', callback);
  }
}

function fieldsOf(html: string): URLSearchParams {
  const fields = new URLSearchParams();
  for (const [input] of html.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) fields.set(name, unescape(/value="([^"]*)"/.exec(input)?.[1] ?? ''));
  }
  return fields;
}

function unescape(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_all, code: string) => String.fromCharCode(Number(code)));
}
