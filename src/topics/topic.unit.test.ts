import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { InvalidOptionsError } from '../core/faults.ts'
import { queue, type TopicOptions, topic } from './topic.ts'

/** Options as somebody without a compiler may give them. */
function faultsOf(make: (name: string, options: never) => unknown, name: unknown, options: unknown): readonly string[] {
  try {
    make(name as string, options as never)
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return error instanceof InvalidOptionsError ? error.faults.map(({ path }) => path) : []
  }
}
const schema = z.object({ id: z.string() })
const same = (value: unknown) => value
const bare: TopicOptions<typeof schema, never> = { schema }

describe('a definition', () => {
  it('has six partitions as a topic and sixteen as a queue, and a topic that exists may have others', () => {
    expect(topic('t', bare)['~definition'].parts).toMatchObject({
      partitions: 6,
      exactPartitions: false,
      kind: 'topic',
    })
    expect(queue('q', bare)['~definition'].parts).toMatchObject({
      partitions: 16,
      exactPartitions: false,
      kind: 'queue',
    })
    expect(topic('t', { schema, partitions: 3 })['~definition'].parts).toMatchObject({
      partitions: 3,
      exactPartitions: true,
    })
  })

  it.each([
    ['topic', topic],
    ['queue', queue],
  ])('of a %s reports all the faults of its options at once', (_, make) => {
    const wrong = { schema: {}, key: 'id', codec: { encode: 1 }, discriminator: '', partitions: 0 }
    expect(faultsOf(make, 'bad name', wrong)).toEqual(['name', 'schema', 'key', 'codec', 'discriminator', 'partitions'])
    expect(faultsOf(make, 'millrace-mine', undefined)).toEqual(['name', 'schema'])
  })

  it.each(['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250), 5, undefined, null])('is not named %j', (name) => {
    expect(faultsOf(topic, name, bare)).toEqual(['name'])
  })
  it.each(['a', 'order-events', 'a.b_c-D9', 'x'.repeat(249)])('may be named %s', (name) => {
    expect(topic(name, bare).name).toBe(name)
  })
  it.each([0, -1, 1.5, 10_001, Number.NaN, '6'])('has no %j partitions', (partitions) => {
    expect(faultsOf(topic, 't', { schema, partitions })).toEqual(['partitions'])
  })
  it.each([null, undefined, 5, {}, { '~standard': {} }, { '~standard': { version: 2, validate() {} } }])(
    'takes no %j for a schema',
    (value) => {
      expect(faultsOf(topic, 't', { schema: value })).toEqual(['schema'])
    },
  )
  it('with a misspelt option is refused: it would change nothing, and nobody would learn why', () => {
    expect(faultsOf(topic, 't', { schema, partition: 3, compacted: true })).toEqual(['partition', 'compacted'])
  })

  it('keeps records for ever, for a time, up to a size, or both', () => {
    const retentionOf = (retention: NonNullable<typeof bare.retention>) =>
      topic('t', { schema, retention })['~definition'].parts.retention
    expect(topic('t', bare)['~definition'].parts.retention).toBeUndefined()
    expect(retentionOf({ time: 'forever' })).toEqual({})
    expect(retentionOf({ time: '7d' })).toEqual({ timeMs: 604_800_000 })
    expect(retentionOf({ time: 5, bytes: 1_000 })).toEqual({ timeMs: 5, bytes: 1_000 })
    const wrong = { time: 'a week', bytes: 0, size: 1 }
    expect(faultsOf(topic, 't', { schema, retention: wrong })).toEqual([
      'retention.size',
      'retention.time',
      'retention.bytes',
    ])
    expect(faultsOf(topic, 't', { schema, retention: { time: 0 } })).toEqual(['retention.time'])
    expect(faultsOf(topic, 't', { schema, retention: '7d' })).toEqual(['retention'])
  })

  it('with compaction needs a key', () => {
    expect(faultsOf(topic, 't', { schema, compaction: true })).toEqual(['key'])
    expect(faultsOf(topic, 't', { schema, compaction: 'yes' })).toEqual(['compaction'])
    expect(topic('t', { schema, compaction: true, key: ({ id }) => id })['~definition'].parts.compacted).toBe(true)
  })

  it("of an external topic leaves to its owner what is its owner's", () => {
    const wrong = { schema, external: true, partitions: 3, retention: {}, compaction: true, key: () => 'a' }
    expect(faultsOf(topic, 't', wrong)).toEqual(['partitions', 'retention', 'compaction'])
    expect(faultsOf(topic, 't', { schema, external: 1 })).toEqual(['external'])
  })

  it.each([
    [{ version: 0 }, ['version']],
    [{ version: 1.5 }, ['version']],
    [{ version: '2' }, ['version']],
    [{ upcast: { 1: same } }, ['upcast.1']],
    [{ version: 3, upcast: { 2: 'x' } }, ['upcast.2']],
    [{ version: 3, upcast: { 0: same, x: same, 3: same } }, ['upcast.0', 'upcast.3', 'upcast.x']],
    [{ version: 5, upcast: { 1: same, 3: same } }, ['upcast']],
    [{ version: 2, upcast: 5 }, ['upcast']],
  ])('is refused with versions %j: %j', (options, faults) => {
    expect(faultsOf(topic, 't', { schema, ...options })).toEqual(faults)
  })

  it('names the steps that are missing between its versions', () => {
    expect(() => topic('t', { schema, version: 5, upcast: { 1: same, 3: same } })).toThrow(
      'upcast: has no step from version 2, 4 to the next',
    )
    expect(() => topic('t', { schema, version: 5, upcast: { 3: same, 4: same } })).not.toThrow()
  })
})

it('deduplication is for queues, within a time', () => {
  const schema = z.object({ n: z.number() })
  expect(faultsOf(topic, 't', { schema, deduplicate: { window: '1s' } })).toEqual(['deduplicate'])
  expect(faultsOf(queue, 'q', { schema, deduplicate: { window: 0 } })).toEqual(['deduplicate.window'])
  expect(faultsOf(queue, 'q', { schema, deduplicate: { window: 'soon' } })).toEqual(['deduplicate.window'])
  expect(faultsOf(queue, 'q', { schema, deduplicate: { windw: '1h' } })).toEqual(['deduplicate.windw'])
  expect(faultsOf(queue, 'q', { schema, deduplicate: true })).toEqual(['deduplicate'])
  expect(queue('q', { schema })['~definition'].parts.deduplicateMs).toBe(300_000)
})
