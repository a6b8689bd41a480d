import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { UnsupportedCompressionError } from './errors.ts'

/** How the records of a batch are compressed, by Kafka's names. `snappy` and `lz4` are known and not supported. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the number that stands in a batch's attributes. */
const names: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

interface Method {
  /** What stands in the lowest three bits of the attributes. */
  readonly id: number
  compress(records: Uint8Array): Buffer
  /** Throws what zlib throws; a `RangeError` beyond `maxBytes`. */
  decompress(records: Uint8Array, maxBytes: number): Buffer
}

const methods: Readonly<Record<Exclude<Compression, 'none'>, Method>> = {
  gzip: {
    id: 1,
    compress: (records) => gzipSync(records, { chunkSize: chunkSizeFor(records) }),
    decompress: (records, maxBytes) =>
      gunzipSync(records, { chunkSize: chunkSizeFor(records), maxOutputLength: maxBytes }),
  },
  snappy: unsupported(2, 'snappy'),
  lz4: unsupported(3, 'lz4'),
  zstd: {
    id: 4,
    compress: (records) =>
      zstdCompressSync(records, {
        chunkSize: chunkSizeFor(records),
        params: { [constants.ZSTD_c_compressionLevel]: 3 },
      }),
    decompress: (records, maxBytes) =>
      zstdDecompressSync(records, { chunkSize: chunkSizeFor(records), maxOutputLength: maxBytes }),
  },
}

/**
 * Output is collected in pieces of this size. zlib's 16 KiB cost a small batch least; for one of a megabyte
 * larger pieces took half the time.
 */
function chunkSizeFor(input: Uint8Array): number {
  return Math.min(Math.max(4 * input.length, 16 * 1024), 256 * 1024)
}

function unsupported(id: number, name: Compression): Method {
  const refuse = () => {
    throw new UnsupportedCompressionError(name)
  }
  return { id, compress: refuse, decompress: refuse }
}

/** The number of a method in a batch's attributes. */
export function compressionId(compression: Compression): number {
  return compression === 'none' ? 0 : methods[compression].id
}

/** The method of a number, undefined where Kafka has none. */
export function compressionOf(id: number): Compression | undefined {
  return names[id]
}

/** Compresses at Kafka's default level of the method. */
export function compress(compression: Exclude<Compression, 'none'>, records: Uint8Array): Buffer {
  return methods[compression].compress(records)
}

/** Throws what zlib throws for damaged bytes, and a `RangeError` for more than `maxBytes` of output. */
export function decompress(
  compression: Exclude<Compression, 'none'>,
  records: Uint8Array,
  options: { readonly maxBytes: number },
): Buffer {
  return methods[compression].decompress(records, options.maxBytes)
}
