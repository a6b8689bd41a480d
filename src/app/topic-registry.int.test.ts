import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLogger } from '../core/logger.ts'
import { BatchWriter } from '../log/records/batch-writer.ts'
import { subscriber } from '../pubsub/subscriber.ts'
import { fileApp, freshFolder } from '../testing/crash-image.test-support.ts'
import { testApp } from '../testing/test-app.ts'
import { json } from '../topics/codec.ts'
import { partitionOfKey } from '../topics/partitioner.ts'
import { topic } from '../topics/topic.ts'
import { openLog } from './open-log.ts'

const numbers = topic('numbers', { schema: z.object({ n: z.number() }) })
const others = topic('others', { schema: z.object({ n: z.number() }), key: ({ n }) => `${n % 2}` })
const nothing = () => {}

describe('one name in an app', () => {
  it('a copy of a definition, with a schema or a key of its own, is a clash where it is added, published or sent', async () => {
    const schema = z.object({ n: z.number() })
    const key = ({ n }: { n: number }) => `${n}`
    const first = topic('t', { schema, key })
    const copy = topic('t', { schema: z.object({ n: z.number() }), key: ({ n }) => `${n}` })
    const clash = /'t' is defined twice in this app, with two schemas and with two key functions. Export one definition/
    await using app = testApp()
    app.add(subscriber('one', { from: first, on: nothing }))
    expect(() => app.add(subscriber('two', { from: copy, on: nothing }))).toThrow(clash)
    await expect(app.publish(copy, { n: 1 })).rejects.toThrow(clash)
    await expect(app.publishAll(copy, [{ n: 1 }])).rejects.toThrow(clash)
    await expect(app.transaction(({ publish }) => publish(copy, { n: 1 }))).rejects.toThrow(clash)
    const newer = topic('t', { schema, key, version: 2, upcast: { 1: (value) => value } })
    await expect(app.publish(newer, { n: 1 })).rejects.toThrow(/with two versions or two sets of upcasts/)
    const other = topic('t', { schema, key, discriminator: 'n' as never, codec: json(), external: true })
    await expect(app.publish(other, { n: 1 })).rejects.toThrow(
      /with two codecs and with two discriminators and as external and as ours/,
    )
    // Made of the same parts, it is the same topic.
    await app.publish(topic('t', { schema, key }), { n: 1 })
  })

  it('a copy of a definition that a handler publishes to fails its attempt, and nothing is written', async () => {
    await using app = testApp()
    const copy = topic('others', { schema: z.object({ n: z.number() }) })
    const seen: unknown[] = []
    const source = subscriber('source', {
      from: numbers,
      retry: { attempts: 1 },
      on: (_, { publish }) => publish(copy, { n: 1 }),
    })
    app.add(source, subscriber('sink', { from: others, on: (event) => void seen.push(event) }))
    await app.start()
    await app.publish(numbers, { n: 1 })
    await app.settled()
    expect(await app.deadLetters.list()).toMatchObject([{ name: 'DefinitionClashError' }])
    expect(seen).toEqual([])
  })
})

describe('an external topic', () => {
  const schema = z.object({ n: z.number() })
  const key = ({ n }: { n: number }) => `k${n % 5}`
  const owned = topic('theirs', { schema, key, partitions: 3 })
  const external = topic('theirs', { schema, key, external: true })

  it('that is not there keeps the app from starting: all that are missing are named, and nothing is created', async () => {
    const folder = freshFolder()
    const app = fileApp(folder)
    const more = topic('more', { schema, external: true })
    app.add(subscriber('g', { from: [external, more, numbers], on: nothing }))
    await expect(app.start()).rejects.toMatchObject({
      code: 'EXTERNAL_TOPIC_MISSING',
      message: expect.stringMatching(/has no 'theirs', 'more', defined here as external/),
    })
    await app.stop()
    const created: string[] = []
    await using after = fileApp(folder, { logger: { ...silentLogger, info: (line) => created.push(line) } })
    await after.publish(numbers, { n: 1 })
    expect(created.filter((line) => line.startsWith('created'))).toEqual([expect.stringContaining('created numbers')])
    await expect(after.publish(external, { n: 1 })).rejects.toMatchObject({ code: 'EXTERNAL_TOPIC_MISSING' })
  })
  it('gives records without a header of ours: their id is topic id, partition and offset, their headers are kept', async () => {
    const folder = freshFolder()
    const theirs = { timestampMs: 5, key: 'k2', value: '{"n":2}', headers: [['content-type', 'text/json'] as const] }
    const topicId = await writeAsOwner(folder, [theirs, { timestampMs: 6, key: null, value: '{"n":3}' }])
    const seen: unknown[] = []
    await using app = fileApp(folder)
    app.add(
      subscriber('g', {
        from: external,
        on: ({ n }, { id, key, headers, partition, offset }) =>
          void seen.push({ n, id, key, headers: [...headers], place: [partition, offset] }),
      }),
    )
    await app.start()
    await app.settled()
    const partition = partitionOfKey('k2', 3)
    expect(seen).toEqual([
      {
        n: 2,
        id: `${topicId}/${partition}/0`,
        key: 'k2',
        headers: [['content-type', 'text/json']],
        place: [partition, 0],
      },
      { n: 3, id: `${topicId}/${partition}/1`, key: null, headers: [], place: [partition, 1] },
    ])
  })

  it('takes plain JSON, in the partition where its owner puts the same key', async () => {
    const folder = freshFolder()
    await writeAsOwner(folder, [])
    const app = fileApp(folder)
    const positions = []
    for (let n = 0; n < 5; n++) positions.push(`${(await app.publish(external, { n })).position}`)
    await app.stop()
    expect(positions.map((position) => Number(/theirs\/(\d)@/.exec(position)![1]))).toEqual(
      [0, 1, 2, 3, 4].map((n) => partitionOfKey(`k${n}`, 3)),
    )
    const seen: number[] = []
    await using owner = fileApp(folder)
    owner.add(subscriber('owner', { from: owned, on: ({ n }) => void seen.push(n) }))
    await owner.start()
    await owner.settled()
    expect(seen.toSorted()).toEqual([0, 1, 2, 3, 4])
  })

  /** Makes the topic with three partitions and appends records where `k2` belongs. Returns its id. */
  async function writeAsOwner(
    folder: string,
    records: readonly Parameters<BatchWriter['append']>[0][],
  ): Promise<string> {
    await using log = await openLog(`file:${folder}/log.db`, { logger: silentLogger })
    const [created] = await log.ensureTopics([{ name: 'theirs', partitions: 3, exact: true }])
    const writer = new BatchWriter()
    for (const record of records) writer.append(record)
    if (writer.count > 0)
      await log.commit({ batches: [{ topic: 'theirs', partition: partitionOfKey('k2', 3), batch: writer.finish() }] })
    return created!.id
  }
})

describe('a topic with a retention', () => {
  const schema = z.object({ n: z.number() })
  const named = (retention?: { time?: '7d' | 'forever'; bytes?: number }) =>
    topic('kept', { schema, ...(retention && { retention }) })

  it('has it in the log, keeps it where a definition says nothing, and gives it up for ever', async () => {
    const folder = freshFolder()
    const lines: string[] = []
    const logger = { ...silentLogger, info: (line: string) => void lines.push(line) }
    const retentionAfter = async (definition: ReturnType<typeof named>) => {
      const app = fileApp(folder, { logger })
      await app.publish(definition, { n: 1 })
      await app.stop()
      await using log = await openLog(`file:${folder}/log.db`, { logger: silentLogger })
      return (await log.topics()).find(({ name }) => name === 'kept')!.retention
    }
    const bounds = { timeMs: 604_800_000, bytes: 5_000 }
    expect(await retentionAfter(named({ time: '7d', bytes: 5_000 }))).toEqual(bounds)
    expect(lines).toContain(
      'created kept: 6 partitions, its records are kept for 604800000 ms and up to 5000 bytes a partition',
    )
    expect(await retentionAfter(named())).toEqual(bounds)
    expect(await retentionAfter(named({ time: 'forever' }))).toEqual({})
  })

  it('is one topic in an app: two retentions are a clash', async () => {
    await using app = testApp()
    await app.publish(named({ time: '7d' }), { n: 1 })
    await expect(app.publish(named({ bytes: 1 }), { n: 1 })).rejects.toThrow(
      /defined twice in this app, with two retentions\./,
    )
  })
})

describe('a topic with compaction', () => {
  const settings = topic('settings', { schema: z.object({ id: z.string() }), key: ({ id }) => id, compaction: true })
  const keyless = topic('settings', { schema: z.object({ id: z.string() }), external: true })

  it('takes tombstones, and is one in the log', async () => {
    const folder = freshFolder()
    const gone: string[] = []
    const app = fileApp(folder)
    app.add(subscriber('g', { from: settings, on: nothing, onTombstone: (key) => void gone.push(key) }))
    await app.start()
    await app.publish(settings, { id: 'a' })
    await app.tombstone(settings, 'a')
    await app.settled()
    await app.stop()
    expect(gone).toEqual(['a'])
    await using log = await openLog(`file:${folder}/log.db`, { logger: silentLogger })
    expect((await log.topics()).find(({ name }) => name === 'settings')).toMatchObject({ compacted: true })
  })

  it('refuses a record without a key before anything is written, from an app that has it as external', async () => {
    const folder = freshFolder()
    const owner = fileApp(folder)
    await owner.publish(settings, { id: 'a' })
    await owner.stop()
    await using app = fileApp(folder)
    await expect(app.publish(keyless, { id: 'b' })).rejects.toMatchObject({ code: 'KEY_REQUIRED' })
    const together = app.transaction(({ publish }) => {
      publish(numbers, { n: 1 })
      publish(keyless, { id: 'b' })
    })
    await expect(together).rejects.toMatchObject({ code: 'KEY_REQUIRED' })
    const seen: number[] = []
    await app.stop()
    await using reader = fileApp(folder)
    reader.add(subscriber('g', { from: numbers, on: ({ n }) => void seen.push(n) }))
    await reader.start()
    await reader.settled()
    expect(seen).toEqual([])
  })

  it('fails the attempt of a handler that publishes without a key, and keeps its component alive', async () => {
    const folder = freshFolder()
    const owner = fileApp(folder)
    await owner.publish(settings, { id: 'a' })
    await owner.stop()
    await using app = fileApp(folder)
    app.add(
      subscriber('g', {
        from: numbers,
        retry: { attempts: 1 },
        on: ({ n }, { publish }) => (n === 1 ? publish(keyless, { id: 'b' }) : undefined),
      }),
    )
    await app.start()
    await app.publishAll(numbers, [{ n: 1 }, { n: 2 }])
    await app.settled()
    expect(await app.deadLetters.list()).toMatchObject([{ name: 'KeyRequiredError', value: '{"n":1}' }])
    expect(app.health().status).toBe('up')
  })
})
