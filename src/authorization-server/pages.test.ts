// Names that clients choose are text on the pages, never markup, and hold nothing that deceives the eye.

import { expect, test } from 'vitest';
import { messagePage } from '../core/web-page.ts';
import { consentPage, loginPage } from './pages.ts';

const NAMES = [
  '<script>alert(1)</script>',
  '"><script>alert(1)</script>',
  "'><img src=x onerror=alert(1)>",
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>',
  '<svg/onload=alert(1)>',
  '<body onload=alert(1)>',
  '<iframe src=javascript:alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<math><mi xlink:href=x>',
  '<style>*{display:none}</style>',
  '<link rel=stylesheet href=//evil>',
  '<meta http-equiv=refresh content=0>',
  '<form action=//evil>',
  '</h1></main></body><script>1</script>',
  '</title><script>1</script>',
  '<!--',
  '-->',
  '<![CDATA[<script>]]>',
  '&lt;script&gt;',
  '&#60;script&#62;',
  '&#x3c;script&#x3e;',
  '" autofocus onfocus="alert(1)',
  "' onmouseover='alert(1)",
  '` onclick=`alert(1)',
  '<input autofocus onfocus=alert(1)>',
  '<details open ontoggle=1>',
  '<video><source onerror=1>',
  '<object data=x>',
  '<embed src=x>',
  '<base href=//evil>',
  '<template><script>',
  '<noscript><p title="</noscript><img src=x>">',
  '\u202eevil',
  '\u200b<b>x</b>',
  '\u0000<b>x</b>',
  '<b>\ufeff</b>',
  '＜script＞<i>',
  '%3Cscript%3E<u>',
  '{{7*7}}<s>',
  '${7*7}<q>',
];

const elements = (body: string): number => body.match(/<[a-z!/]/gi)?.length ?? 0;

test('no name, id, scope, gateway or user adds an element to a page', () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(40);
  const pagesFor = (text: string): string[] => {
    const client = {
      id: text,
      name: text,
      documentHost: text,
      redirectUri: `https://app.example/${text}`,
      isLoopback: true,
      gateways: [text],
      scopes: [text],
    };
    return [
      loginPage(client, { action: text, userName: text, fault: text }).body,
      consentPage(client, { action: text, next: text, userName: text }).body,
      messagePage(400, text, text).body,
    ];
  };
  const plain = pagesFor('plain').map(elements);
  for (const name of NAMES) {
    const bodies = pagesFor(name);
    expect(bodies.map(elements), name).toEqual(plain);
    for (const body of bodies) {
      // Every attribute of every element is one of ours.
      const attributes = [...body.matchAll(/<[a-z]+((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/gi)].flatMap(
        (element) => [...(element[1] ?? '').matchAll(/([a-z-]+)(?:="[^"]*")?/gi)].map((match) => match[1]),
      );
      expect(attributes.filter((attribute) => attribute?.startsWith('on'))).toEqual([]);
      for (const code of [0x0, 0x200b, 0x202e, 0xfeff])
        expect(body.includes(String.fromCodePoint(code)), name).toBe(false);
    }
  }
});

test('a name of nothing that can be seen is no name: the id stands for it', () => {
  const client = {
    id: 'dcr-1',
    name: String.fromCodePoint(0x200b, 0x202e),
    redirectUri: 'https://app.example/',
    isLoopback: false,
    gateways: ['api'],
    scopes: [],
  };
  expect(consentPage(client, { action: '/', next: 'Allow' }).body).toContain('Allow dcr-1?');
});
