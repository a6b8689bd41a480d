import { NoJsonError, NotTextError } from './errors.ts'

/**
 * How a value becomes the bytes of a record and back. `encode` gets what the publisher gave once the schema accepted it;
 * what `decode` gives is validated before a handler sees it. Either may throw: the publish fails, or the record cannot be read.
 */
export interface Codec<Wire = unknown> {
  readonly contentType: string
  encode(value: Wire): Uint8Array
  decode(bytes: Uint8Array, headers: ReadonlyMap<string, Uint8Array>): Wire
  /** For codecs whose bytes are UTF-8 text: spares a copy on the way. */
  readonly '~text'?: { encode(value: Wire): string; decode(text: string): Wire }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textCodec<Wire>(
  contentType: string,
  encode: (value: Wire) => string,
  decode: (text: string) => Wire,
): Codec<Wire> {
  return {
    contentType,
    encode: (value) => encoder.encode(encode(value)),
    decode: (bytes) => decode(decoder.decode(bytes)),
    '~text': { encode, decode },
  }
}

/** Plain JSON, the default. What JSON cannot hold (`undefined` at the top, a bigint, a cycle) is refused. */
export function json(): Codec<unknown> {
  return textCodec('application/json', stringify, (text) => JSON.parse(text))
}
function stringify(value: unknown): string {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new NoJsonError(value)
  return text
}

/** UTF-8 text as it is. */
export function text(): Codec<string> {
  return textCodec<string>('text/plain', checkText, (value) => value)
}
/** Half of a surrogate pair would be written as another character. */
function checkText(value: string): string {
  if (typeof value === 'string' && !value.isWellFormed()) throw new NotTextError()
  return value
}

/** Bytes as they are. */
export function bytes(): Codec<Uint8Array> {
  return { contentType: 'application/octet-stream', encode: (value) => value, decode: (value) => value }
}
