/** Below 0 when `left` sorts first, byte by byte and the shorter one first; 0 when they are equal. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right)
}
