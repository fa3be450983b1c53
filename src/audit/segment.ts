// Segments of a chain: names of files, and the footer that closes one: what the segment holds, signed with Ed25519
// (RFC 8032). A segment without a footer is still open.

import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isJsonObject } from '../core/json.ts';
import type { Secret } from '../lib/secret.ts';
import { canonicalJson } from './canonical-json.ts';

const NAME = /^(node-[0-9a-f]{12})\.(\d{8})\.jsonl$/;
const FOOTER_VERSION = 2;
const FOOTER_START = '{"footer":';

export interface SegmentName {
  readonly node: string;
  readonly number: number;
}

/** `node-<12 hex>.<8 digits>.jsonl`. */
export function segmentFile({ node, number }: SegmentName): string {
  return `${node}.${String(number).padStart(8, '0')}.jsonl`;
}

/** The segment that a file name stands for; undefined for other files. */
export function parseSegmentFile(file: string): SegmentName | undefined {
  const [, node, number] = NAME.exec(file) ?? [];
  return node === undefined ? undefined : { node, number: Number(number) };
}

/** What a footer says of its segment. */
export interface Footer extends SegmentName {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly prevHash: string;
  readonly lastHash: string;
  /** Times of the first and the last record, ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Base64 of the DER form (SPKI). */
  readonly publicKey: string;
}

export interface Signer {
  /** PEM. */
  readonly publicKey: string;
  sign(footer: Omit<Footer, 'publicKey'>): string;
}

/** Signs footers with a private key (PEM, PKCS #8). */
export function createSigner(privateKey: Secret): Signer {
  const key = createPrivateKey(privateKey.reveal());
  const publicKey = createPublicKey(key);
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  return Object.freeze({
    publicKey: String(publicKey.export({ type: 'spki', format: 'pem' })),
    sign(footer: Omit<Footer, 'publicKey'>): string {
      const body = canonicalJson({ ...footer, publicKey: spki, version: FOOTER_VERSION });
      const signature = sign(null, Buffer.from(body), key).toString('base64');
      return `${FOOTER_START}${body},"signature":"${signature}"}`;
    },
  });
}

/** Whether a line is meant to be a footer, right or wrong. */
export const isFooterLine = (line: string): boolean => line.startsWith(FOOTER_START);

/** The footer of a line, and whether its signature is that of one of these keys; undefined when it cannot be read. */
export function readFooter(
  line: string,
  keys: readonly KeyObject[],
): { readonly footer: Footer; readonly isSigned: boolean } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { footer, signature } = isJsonObject(value) ? value : {};
  if (!isJsonObject(footer) || typeof signature !== 'string' || !isFooter(footer)) return undefined;
  const body = canonicalJson(footer);
  if (line !== `${FOOTER_START}${body},"signature":"${signature}"}`) return undefined;
  const [bytes, signed] = [Buffer.from(body), Buffer.from(signature, 'base64')];
  // Base64 has several spellings of the same bytes; only one was written.
  const isSigned =
    signed.toString('base64') === signature && keys.some((key) => verify(null, bytes, key, signed));
  return { footer, isSigned };
}

function isFooter(value: object): value is Footer {
  const { node, number, firstSeq, lastSeq, prevHash, lastHash, from, to, publicKey } = value as Partial<
    Record<keyof Footer, unknown>
  >;
  return (
    [number, firstSeq, lastSeq].every(Number.isSafeInteger) &&
    [node, prevHash, lastHash, from, to, publicKey].every((text) => typeof text === 'string')
  );
}

/** How people and scripts compare keys: SHA-256 of the DER form, in hexadecimal. */
export function fingerprintOf(key: KeyObject): string {
  return hash('sha256', key.export({ type: 'spki', format: 'der' }));
}

/** The public keys of a PEM file, which may hold several. @throws Error when one of them is no Ed25519 key */
export function readPublicKeys(pem: string): readonly KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g) ?? [];
  return blocks.map((block) => {
    const key = createPublicKey(block);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('not an Ed25519 public key');
    return key;
  });
}
