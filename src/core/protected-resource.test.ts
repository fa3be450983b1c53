import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, mayIdentify, metadataUrlOf, resourceOfMetadataUrl } from './protected-resource.ts';

describe('addresses of protected resources', () => {
  it('lead to their metadata and back', () => {
    const path = fc.array(fc.stringMatching(/^[a-z0-9.-]{1,6}$/), { maxLength: 3 });
    fc.assert(
      fc.property(path, fc.constantFrom('', '?a=b'), (parts, search) => {
        const server = new URL(`https://mcp.example:8443/${parts.join('/')}${search}`);
        expect(resourceOfMetadataUrl(metadataUrlOf(server))).toBe(server.href);
      }),
    );
  });

  it.each(['https://a.example/mcp', 'https://a.example/.well-known/oauth-protected-resources', 'no', ''])(
    '%j is no metadata address',
    (address) => expect(resourceOfMetadataUrl(address)).toBeUndefined(),
  );

  const server = new URL('https://a.example/tenant/mcp');
  const own = 'https://a.example/.well-known/oauth-protected-resource/tenant/mcp';
  const root = 'https://a.example/.well-known/oauth-protected-resource';
  it.each([
    ['https://a.example/tenant/mcp', own, true],
    ['https://a.example/tenant/mcp/', own, true],
    ['https://A.EXAMPLE:443/tenant/mcp', own, true],
    ['https://a.example', root, true],
    ['https://a.example/', root, true],
    ['https://a.example/tenant', `${root}/tenant`, true],
    // A wider one, said by a tenant.
    ['https://a.example', own, false],
    ['https://a.example/tenant', own, false],
    ['https://a.example', 'https://a.example/anything.json', false],
    ['https://a.example/tenant/mcp/more', own, false],
    ['https://a.example/ten', `${root}/ten`, false],
    ['https://evil.example/tenant/mcp', own, false],
    ['http://a.example/tenant/mcp', own, false],
    ['https://a.example/tenant/mcp#x', own, false],
    ['https://a.example/tenant/mcp?x=1', own, false],
    ['https://u:p@a.example/tenant/mcp', own, false],
    ['urn:tenant', own, false],
    ['', own, false],
  ])('identifier %j of a document at %s: %s', (identifier, document, expected) => {
    expect(mayIdentify(identifier, server, document)).toBe(expected);
  });

  it.each([
    ['https://a.example/mcp', true],
    ['https://a.example/mcp/x', true],
    ['https://a.example/mcpx', false],
    ['https://a.example:444/mcp', false],
    ['http://a.example/mcp', false],
  ])('a credential of https://a.example/mcp goes to %s: %s', (address, expected) => {
    expect(covers(new URL('https://a.example/mcp'), new URL(address))).toBe(expected);
  });
});
