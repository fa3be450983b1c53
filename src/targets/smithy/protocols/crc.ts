// The two checksums of S3 that Node does not have: CRC-32C (RFC 3720) and CRC-64/NVME (NVM Express, rev. 2.0).

const TABLE_32C = table(0x82f63b78n).map(Number);
const TABLE_NVME = BigUint64Array.from(table(0x9a6c9329ac4bc9b5n));

function table(polynomial: bigint): bigint[] {
  return Array.from({ length: 256 }, (_, byte) => {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1)
      value = (value & 1n) === 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    return value;
  });
}

/** CRC-32C of some bytes, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = (TABLE_32C[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** CRC-64/NVME of some bytes. */
export function crc64nvme(bytes: Uint8Array): bigint {
  // Two halves of 32 bits: arithmetic with big integers would take a hundred times as long.
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (const byte of bytes) {
    const entry = TABLE_NVME[(low ^ byte) & 0xff] ?? 0n;
    low = ((low >>> 8) | (high << 24)) ^ Number(entry & 0xffffffffn);
    high = (high >>> 8) ^ Number(entry >> 32n);
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}
