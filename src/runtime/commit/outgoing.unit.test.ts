import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ManualClock } from '../../core/manual-clock.ts'
import { text } from '../../topics/codec.ts'
import { InvalidEventError, NoKeyError } from '../../topics/errors.ts'
import { orderEvents, paid } from '../../topics/order-events.test-support.ts'
import { topic } from '../../topics/topic.ts'
import type { PublishOptions } from '../context.ts'
import { InvalidPublishOptionsError, RecordTooLargeError } from '../errors.ts'
import { encodeOutgoing, encodeTombstone } from './outgoing.ts'

const source = { clock: new ManualClock(1_000), newId: () => 'id-1' }
const traced = { ...source, traceparent: '00-1-2-01' }
const keyless = topic('keyless', { schema: z.object({ n: z.number() }) })
const publish = (options: PublishOptions) => encodeOutgoing(keyless, { n: 1 }, source, options)

describe('an outgoing record', () => {
  it('has the key of its topic, its JSON, its time and an id', () => {
    expect(encodeOutgoing(orderEvents, paid('o1'), source)).toEqual({
      id: 'id-1',
      topic: 'order-events',
      key: 'o1',
      value: JSON.stringify(paid('o1')),
      headers: [['millrace-id', 'id-1']],
      timestampMs: 1_000,
    })
  })

  it('names the version of its schema from the second on, tombstones none', () => {
    const second = topic('second', { schema: z.object({ n: z.number() }), version: 2, key: ({ n }) => `${n}` })
    const first = topic('first', { schema: z.object({ n: z.number() }), version: 1 })
    expect(encodeOutgoing(second, { n: 1 }, source).headers).toEqual([
      ['millrace-id', 'id-1'],
      ['millrace-version', '2'],
    ])
    expect(encodeOutgoing(first, { n: 1 }, source).headers).toEqual([['millrace-id', 'id-1']])
    expect(encodeTombstone(second, '1', source).headers).toEqual([['millrace-id', 'id-1']])
  })

  it('carries the trace of the record that it comes from, unless it is given one', () => {
    expect(encodeOutgoing(keyless, { n: 1 }, traced).headers).toContainEqual(['traceparent', '00-1-2-01'])
    const own = encodeOutgoing(keyless, { n: 1 }, traced, { headers: { traceparent: 'own' } })
    expect(own.headers.filter(([name]) => name === 'traceparent')).toEqual([['traceparent', 'own']])
    expect(encodeOutgoing(keyless, { n: 1 }, traced, { id: 'x' }).headers).toEqual([
      ['millrace-id', 'x'],
      ['traceparent', '00-1-2-01'],
    ])
  })

  it('takes an id and headers', () => {
    const { id, headers } = publish({ id: 'order-1', headers: { source: 'web', empty: '' } })
    expect(id).toBe('order-1')
    expect(headers).toEqual([
      ['millrace-id', 'order-1'],
      ['source', 'web'],
      ['empty', ''],
    ])
  })

  it('is refused with all the faults of its options', () => {
    const bad: Record<string, unknown> = { 'millrace-id': 'x', retries: 1 }
    const options = { id: 'has space', headers: bad as Record<string, string> }
    expect(() => publish(options)).toThrow(InvalidPublishOptionsError)
    expect(() => publish(options)).toThrow(/id: .*headers\.millrace-id: .*headers\.retries: /)
    for (const id of ['', 'x'.repeat(201), 'ä', 'a\nb']) expect(() => publish({ id })).toThrow(/id: 1 to 200/)
  })

  it('is refused with a misspelt option, and with a delay for a topic, which would both change nothing', () => {
    const misspelt: unknown = { key: 'a', header: {} }
    expect(() => publish(misspelt as PublishOptions)).toThrow(/key: no such option.*; header: no such option/)
    const delayed: unknown = { delay: '1s' }
    expect(() => publish(delayed as PublishOptions)).toThrow(/delay: only tasks wait/)
  })

  it('is refused above sixteen mebibytes with key and headers, whatever the characters', () => {
    const texts = topic('texts', { schema: z.string(), codec: text(), key: () => 'k'.repeat(10) })
    const most = 16 * 2 ** 20
    const frame = 10 + 'millrace-id'.length + 'id-1'.length
    expect(encodeOutgoing(texts, 'x'.repeat(most - frame), source).value).toHaveLength(most - frame)
    expect(() => encodeOutgoing(texts, 'x'.repeat(most - frame + 1), source)).toThrow(
      `A record for 'texts' has ${most + 1} bytes with its key and headers, and ${most} is the most`,
    )
    expect(() => encodeOutgoing(texts, 'ü'.repeat(most / 2), source)).toThrow(RecordTooLargeError)
    expect(() => publish({ headers: { a: 'x'.repeat(most) } })).toThrow(RecordTooLargeError)
    expect(() => encodeTombstone(texts, 'x'.repeat(most), source)).toThrow(RecordTooLargeError)
  })

  it('is refused when it does not fit, with every fault and its path', () => {
    const wrong: unknown = { type: 'ORDER_CREATED', orderId: 1, items: [{ productId: 'p', quantity: 0, price: 'x' }] }
    try {
      encodeOutgoing(orderEvents, wrong, source)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidEventError)
      const { faults, message, topic: name } = error as InvalidEventError
      expect(name).toBe('order-events')
      expect(faults.map(({ path }) => path).sort()).toEqual([
        'items.0.price',
        'items.0.quantity',
        'orderId',
        'totalAmount',
        'userId',
      ])
      for (const { path } of faults) expect(message).toContain(path)
    }
  })
})

describe('a tombstone', () => {
  it('is a record with a key and no value', () => {
    expect(encodeTombstone(orderEvents, 'o1', source)).toMatchObject({ key: 'o1', value: null, id: 'id-1' })
  })
  it('needs a topic with a key, and a key that is text', () => {
    expect(() => encodeTombstone(keyless, 'k', source)).toThrow(NoKeyError)
    const number: unknown = 1
    expect(() => encodeTombstone(orderEvents, number as string, source)).toThrow(InvalidPublishOptionsError)
  })
})
