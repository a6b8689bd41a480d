import { isUtf8 } from 'node:buffer'
import { messageOf } from '../core/errors.ts'
import type { Fault } from '../core/faults.ts'
import { AsynchronousSchemaError, type Schema, validate } from '../core/schema.ts'
import type { Codec } from './codec.ts'
import { InvalidEventError, NotBytesError, NotTextError, UnreadableRecordError } from './errors.ts'
import { readVersion, upcast, type Versioning, versionHeader } from './versioning.ts'

/** A record as a log gives it: what decoding needs of it. */
export interface ReadableRecord {
  readonly offset: number
  valueText(): string | null
  valueBytes(): Uint8Array | null
  headers(): readonly (readonly [name: string, value: Uint8Array | null])[]
  headerText(name: string): string | null | undefined
}

/** What a definition was made with, without its types. */
export interface DefinitionParts {
  readonly kind: 'topic' | 'queue'
  readonly name: string
  readonly schema: Schema
  readonly codec: Codec
  readonly discriminator: string
  readonly partitions: number
  /** The count was given: an existing topic with another is a clash. */
  readonly exactPartitions: boolean
  readonly key?: ((value: unknown) => string) | undefined
  /** Absent where bytes are taken as they are: then nobody asks for a record's version. */
  readonly versioning?: Versioning
  /** Somebody else's: it must be there, and we neither create nor change it. */
  readonly external?: boolean
  /** Absent where nothing was said; what is absent in it sets no limit. */
  readonly retention?: { readonly timeMs?: number; readonly bytes?: number } | undefined
  /** Of a queue: of the tasks that are sent with one id within this time, one is done. */
  readonly deduplicateMs?: number | undefined
  /** The last value of each key only. */
  readonly compacted?: boolean
}

/** The part of a topic or queue that works: values to bytes, records to values. */
export class DefinitionCore {
  readonly parts: DefinitionParts

  constructor(parts: DefinitionParts) {
    this.parts = parts
  }

  /** Checks a value against the schema and encodes it as it was given. Throws `InvalidEventError` with every fault. */
  encode(input: unknown): { readonly key: string | null; readonly value: string | Uint8Array } {
    const { name, schema, codec } = this.parts
    try {
      const checked = validate(schema, input, `'${name}'`)
      if (checked.faults !== undefined) throw new InvalidEventError(name, checked.faults)
      const text = codec['~text']
      const value = text === undefined ? codec.encode(input) : text.encode(input)
      if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw new NotBytesError(value)
      return { value, key: this.#keyOf(checked.value) }
    } catch (cause) {
      if (cause instanceof InvalidEventError || cause instanceof AsynchronousSchemaError) throw cause
      throw new InvalidEventError(name, [{ path: '', message: messageOf(cause) }], { cause })
    }
  }

  /**
   * The value of the record under the cursor, after validation; not for tombstones.
   * Throws `UnreadableRecordError` with the record's place and every fault.
   */
  decode(cursor: ReadableRecord, partition: number): unknown {
    let faults: readonly Fault[]
    try {
      const checked = validate(this.parts.schema, this.#current(cursor), `'${this.parts.name}'`)
      if (checked.faults === undefined) return checked.value
      faults = checked.faults
    } catch (cause) {
      throw this.#unreadable(cursor, partition, [{ path: '', message: messageOf(cause) }], cause)
    }
    throw this.#unreadable(cursor, partition, faults)
  }

  /** The event's name: its discriminator's value, undefined where it has none. */
  nameOf(value: unknown): string | undefined {
    if (typeof value !== 'object' || value === null) return undefined
    const name = (value as Record<string, unknown>)[this.parts.discriminator]
    return typeof name === 'string' ? name : undefined
  }

  #keyOf(value: unknown): string | null {
    if (this.parts.key === undefined) return null
    const key = this.parts.key(value)
    if (typeof key === 'string') return key
    throw new InvalidEventError(this.parts.name, [
      { path: '', message: `its key function gave ${typeof key}, not text` },
    ])
  }

  /** What its bytes say, as a value of today's version. */
  #current(cursor: ReadableRecord): unknown {
    const { versioning } = this.parts
    if (versioning === undefined) return this.#decodeWire(cursor)
    // Before the codec: a newer version may be encoded in another way.
    const version = readVersion(versioning, cursor.headerText(versionHeader))
    return upcast(versioning, this.#decodeWire(cursor), version)
  }

  #decodeWire(cursor: ReadableRecord): unknown {
    const { codec } = this.parts
    const text = codec['~text']
    if (text !== undefined) {
      const value = cursor.valueText()!
      // Bytes that are no UTF-8 were replaced by this sign: what was written would be changed unseen.
      if (value.includes('\ufffd') && !isUtf8(cursor.valueBytes()!)) throw new NotTextError()
      return text.decode(value)
    }
    const headers = new Map<string, Uint8Array>()
    for (const [name, value] of cursor.headers()) if (value !== null) headers.set(name, value)
    return codec.decode(cursor.valueBytes()!, headers)
  }

  #unreadable(
    cursor: ReadableRecord,
    partition: number,
    faults: readonly Fault[],
    cause?: unknown,
  ): UnreadableRecordError {
    const place = { topic: this.parts.name, partition, offset: cursor.offset }
    return new UnreadableRecordError(place, faults, cause === undefined ? undefined : { cause })
  }
}
