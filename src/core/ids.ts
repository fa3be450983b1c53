// Identifiers in AgentCore's forms, from a cryptographic source.

import { randomInt, randomUUID } from 'node:crypto';

const LOWER = '0123456789abcdefghijklmnopqrstuvwxyz';
const MIXED = `${LOWER}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

function random(alphabet: string, length: number): string {
  let id = '';
  while (id.length < length) id += alphabet[randomInt(alphabet.length)];
  return id;
}

/** `<name in lower case>-<10 of [0-9a-z]>`, as GatewayId is formed. */
export function newGatewayId(name: string): string {
  return `${name.toLowerCase().replace(/-+$/, '')}-${random(LOWER, 10)}`;
}

/** 10 of `[0-9a-zA-Z]`, as TargetId is formed. */
export function newTargetId(): string {
  return random(MIXED, 10);
}

/** An id for rows that never show on a wire, and for requests (`x-amzn-requestid`). */
export function newId(): string {
  return randomUUID();
}
