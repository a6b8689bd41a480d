import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { AsynchronousSchemaError, type Schema } from '../core/schema.ts'
import { bytes, type Codec, json, text } from './codec.ts'
import type { ReadableRecord } from './definition.ts'
import { InvalidEventError, UnreadableRecordError } from './errors.ts'
import { orderEvents } from './order-events.test-support.ts'
import { topic } from './topic.ts'
import type { AnyDefinition } from './types.ts'

function recordOf(value: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): ReadableRecord {
  const buffer = Buffer.from(value)
  return {
    offset: 17,
    valueText: () => buffer.toString(),
    valueBytes: () => buffer,
    headerText: (name) => headers[name],
    headers: () => Object.entries(headers).map(([name, content]) => [name, Buffer.from(content)] as const),
  }
}
const encode = (definition: AnyDefinition, input: unknown) => definition['~definition'].encode(input)
const decode = (definition: AnyDefinition, value: string | Uint8Array, headers?: Readonly<Record<string, string>>) =>
  definition['~definition'].decode(recordOf(value, headers), 3)

function thrownBy<E extends Error>(work: () => unknown, kind: abstract new (...args: never) => E): E {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(kind)
    if (error instanceof kind) return error
  }
  return expect.unreachable()
}

const settings = topic('settings', {
  schema: z.object({
    type: z.literal('SET'),
    at: z.string().transform((value) => new Date(value)),
    retries: z.number().default(3),
  }),
  key: ({ retries }) => `retries-${retries}`,
})
const anything = topic('anything', { schema: z.unknown() })

describe('a topic', () => {
  it('stores what it was given and hands out what the schema makes of it', () => {
    const { key, value } = encode(settings, { type: 'SET', at: '2026-01-01T00:00:00.000Z' })
    expect(value).toBe('{"type":"SET","at":"2026-01-01T00:00:00.000Z"}')
    expect(key).toBe('retries-3')
    expect(decode(settings, value)).toEqual({ type: 'SET', at: new Date('2026-01-01'), retries: 3 })
  })

  it('brings every JSON value back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value))
        expect(decode(anything, encode(anything, plain).value)).toEqual(plain)
      }),
    )
  })

  it.each([
    ['undefined', undefined, /JSON has no text for undefined/],
    ['a function', () => 1, /JSON has no text for function/],
    ['a bigint', { n: 1n }, /BigInt/i],
  ])('refuses %s, which JSON cannot hold', (_, value, message) => {
    expect(thrownBy(() => encode(anything, value), InvalidEventError).message).toMatch(message)
  })

  it('ends what it says of a fault with one full stop', () => {
    expect(thrownBy(() => encode(anything, undefined), InvalidEventError).message).toMatch(
      /a boolean or null\. Nothing was written\.$/,
    )
  })

  it('refuses a cycle', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(thrownBy(() => encode(anything, cycle), InvalidEventError).message).toMatch(/circular/i)
  })

  it('refuses a key that is not text', () => {
    const number: unknown = 1
    const wrong = topic('wrong', { schema: z.object({ id: z.number() }), key: () => number as string })
    expect(thrownBy(() => encode(wrong, { id: 1 }), InvalidEventError).message).toContain(
      'its key function gave number',
    )
  })

  it('reports what the key function throws as the event that does not fit', () => {
    const wrong = topic('wrong', {
      schema: z.object({}),
      key: () => {
        throw new Error('no key here')
      },
    })
    expect(thrownBy(() => encode(wrong, {}), InvalidEventError).message).toContain('no key here')
  })

  it('names the event by its discriminator, where it has one', () => {
    const { nameOf } = { nameOf: (value: unknown) => orderEvents['~definition'].nameOf(value) }
    expect(nameOf({ type: 'ORDER_PAID' })).toBe('ORDER_PAID')
    for (const value of [null, undefined, 1, 'ORDER_PAID', {}, { type: 1 }, []]) expect(nameOf(value)).toBeUndefined()
  })
})

describe('a record that cannot be read', () => {
  it('is named by its place with every fault and its path', () => {
    const wrong =
      '{"type":"ORDER_CREATED","orderId":1,"userId":"u","items":[{"productId":"p","quantity":0,"price":1}],"totalAmount":1}'
    const error = thrownBy(() => decode(orderEvents, wrong), UnreadableRecordError)
    expect(error.place).toEqual({ topic: 'order-events', partition: 3, offset: 17 })
    expect(error.message).toContain('order-events/3 at offset 17')
    expect(error.faults.map(({ path }) => path)).toEqual(['orderId', 'items.0.quantity'])
  })

  it.each([
    ['text that is no JSON', '{"type":', /JSON/],
    ['nothing', '', /JSON/],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /no UTF-8/],
  ])('may be %s', (_, value, message) => {
    const error = thrownBy(() => decode(anything, value), UnreadableRecordError)
    expect(error.message).toMatch(/anything\/3 at offset 17/)
    expect(error.message).toMatch(message)
    expect(error.cause).toBeInstanceOf(Error)
  })

  it('is not one whose text has the replacement sign itself', () => {
    expect(decode(anything, '"\ufffd"')).toBe('\ufffd')
  })
})

describe('a record of another version', () => {
  const current = topic('people', {
    schema: z.object({ names: z.array(z.string()) }),
    version: 3,
    upcast: {
      1: (old: { name: string }) => ({ first: old.name }),
      2: (old: { first: string }) => ({ names: [old.first] }),
    },
  })
  const header = (version: string) => ({ 'millrace-version': version })

  it('is brought up to date step by step, before the schema sees it; without a header it is of version 1', () => {
    const now = { names: ['Ada'] }
    expect(decode(current, '{"name":"Ada"}')).toEqual(now)
    expect(decode(current, '{"name":"Ada"}', header('1'))).toEqual(now)
    expect(decode(current, '{"first":"Ada"}', header('2'))).toEqual(now)
    expect(decode(current, '{"names":["Ada"]}', header('3'))).toEqual(now)
    // What the steps make of it has to fit too.
    expect(thrownBy(() => decode(current, '{"name":1}'), UnreadableRecordError).message).toContain('names.0')
  })

  it.each([
    ['is newer than this program knows', current, '4', /of version 4, and this program knows versions up to 3: update/],
    ['is newer than a definition that says nothing of versions', anything, '2', /knows versions up to 1: update/],
    ['has no version in its header', current, 'new', /its header millrace-version is "new", no version/],
    ['has an empty header', current, '', /its header millrace-version is "", no version/],
  ])('cannot be read when it %s', (_, definition, version, message) => {
    const error = thrownBy(() => decode(definition, '{}', header(version)), UnreadableRecordError)
    expect(error.message).toMatch(message)
    expect(error.cause).toMatchObject({ code: 'UPCAST' })
  })

  it('cannot be read when a step is missing or throws: the error says which', () => {
    const gap = topic('gap', { schema: z.unknown(), version: 3, upcast: { 2: (value) => value } })
    expect(thrownBy(() => decode(gap, '1'), UnreadableRecordError).message).toContain(
      "it is of version 1, and there is no step from 1 to 2: add it to 'upcast'",
    )
    const step = (): never => {
      throw new Error('no such field')
    }
    const throwing = topic('throwing', { schema: z.unknown(), version: 2, upcast: { 1: step } })
    expect(thrownBy(() => decode(throwing, '1'), UnreadableRecordError).message).toContain(
      "the step of 'upcast' from version 1 to 2 threw: no such field",
    )
  })
})

describe('the codecs', () => {
  it('text keeps text as it is, byte order mark and all', () => {
    const lines = topic('lines', { schema: z.string(), codec: text() })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        expect(encode(lines, line).value).toBe(line)
        expect(decode(lines, line)).toBe(line)
        const codec = text()
        expect(codec.decode(codec.encode(line), new Map())).toBe(line)
      }),
      { examples: [['\ufeffa'], ['']] },
    )
  })

  it('text refuses half a character and bytes that are no UTF-8', () => {
    const lines = topic('lines', { schema: z.string(), codec: text() })
    expect(() => encode(lines, 'a\ud800')).toThrow(InvalidEventError)
    expect(() => decode(lines, Uint8Array.of(0xc3))).toThrow(UnreadableRecordError)
    expect(() => text().decode(Uint8Array.of(0xc3), new Map())).toThrow()
  })

  it('bytes keeps bytes as they are', () => {
    const raw = topic('raw', { schema: z.instanceof(Uint8Array), codec: bytes() })
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(encode(raw, value).value).toEqual(value)
        expect(Uint8Array.from(decode(raw, value) as Uint8Array)).toEqual(value)
      }),
    )
  })

  it('text and bytes refuse what they cannot write', () => {
    const numbers = z.number()
    for (const codec of [text(), bytes()]) {
      const wrong = topic('wrong', { schema: numbers, codec: codec as Codec })
      expect(thrownBy(() => encode(wrong, 1), InvalidEventError).message).toContain('Its codec gave number')
    }
  })

  it('json gives bytes by itself too', () => {
    const codec = json()
    expect(codec.contentType).toBe('application/json')
    expect(codec.decode(codec.encode({ a: ['ü'] }), new Map())).toEqual({ a: ['ü'] })
  })

  it('of the user get the headers, and what they throw is a fault of the record', () => {
    const custom: Codec = {
      contentType: 'text/x',
      encode: (value) => Buffer.from(`x${String(value)}`),
      decode: (value, headers) => {
        const shift = headers.get('shift')
        if (shift === undefined) throw new Error('no shift')
        return Buffer.from(value)
          .toString()
          .slice(Number(Buffer.from(shift).toString()))
      },
    }
    const shifted = topic('shifted', { schema: z.string(), codec: custom })
    expect(Buffer.from(encode(shifted, 'abc').value).toString()).toBe('xabc')
    expect(decode(shifted, 'xabc', { shift: '1' })).toBe('abc')
    expect(thrownBy(() => decode(shifted, 'xabc'), UnreadableRecordError).message).toContain('no shift')
  })
})

describe('a schema', () => {
  it('that answers with a promise is refused when publishing and names the place when reading', () => {
    const slow = topic('slow', { schema: z.string().refine(async () => true) })
    expect(() => encode(slow, 'x')).toThrow(AsynchronousSchemaError)
    const error = thrownBy(() => decode(slow, '"x"'), UnreadableRecordError)
    expect(error.cause).toBeInstanceOf(AsynchronousSchemaError)
  })

  it('whose check throws is an error of the call, never a rejection that nobody handles', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown) => rejections.push(reason)
    process.on('unhandledRejection', note)
    const throwing = topic('throwing', { schema: z.string().transform((value): unknown => JSON.parse(value)) })
    expect(() => encode(throwing, '{')).toThrow(AsynchronousSchemaError)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(rejections).toEqual([])
  })

  it('of the user that throws is a fault of the event and of the record', () => {
    const schema: Schema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('broken check')
        },
      },
    }
    const broken = topic('broken', { schema })
    expect(thrownBy(() => encode(broken, 'x'), InvalidEventError).message).toContain('broken check')
    expect(thrownBy(() => decode(broken, '"x"'), UnreadableRecordError).message).toContain('broken check')
  })
})
