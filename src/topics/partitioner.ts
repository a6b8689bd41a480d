/**
 * Which partition a key belongs to: Java's default, murmur2 of the key's bytes made positive, modulo the count, so that
 * a record lands where a Java producer would put it.
 * Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey (Apache Kafka).
 */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions
}

const multiplier = 0x5bd1e995

/** murmur2 with Kafka's seed, 32 bits. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = 0x9747b28c ^ length
  const whole = length - (length % 4)
  for (let at = 0; at < whole; at += 4) {
    let block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    block = Math.imul(block, multiplier)
    block ^= block >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(block, multiplier)
  }
  const rest = length - whole
  if (rest > 2) hash ^= bytes[whole + 2]! << 16
  if (rest > 1) hash ^= bytes[whole + 1]! << 8
  if (rest > 0) hash = Math.imul(hash ^ bytes[whole]!, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}
