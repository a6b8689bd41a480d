import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { poll, staged, take, values } from '../conformance/harness.ts'
import { ensureTopic, freshPath, refusal } from './engine.test-support.ts'
import { DamagedBatchError, openEmbeddedLog } from './index.ts'

/** A log of three batches of two records; in the second one the byte at `position` is flipped. */
async function damagedLog(position: number): Promise<string> {
  const path = freshPath()
  {
    await using log = await openEmbeddedLog({ path })
    const [partition] = await ensureTopic(log, 'orders')
    for (const [index, value] of ['a', 'b', 'c'].entries()) {
      const at = { timestampMs: timeMs(index) }
      await log.commit({ batches: [staged(partition!, { ...at, value }, { ...at, value: `${value}2` })] })
    }
  }
  const database = new DatabaseSync(path)
  const { bytes } = database.prepare('SELECT bytes FROM batch WHERE base_offset = 2').get() as { bytes: Uint8Array }
  bytes[position < 0 ? bytes.length + position : position]! ^= 0x10
  database.prepare('UPDATE batch SET bytes = ? WHERE base_offset = 2').run(bytes)
  database.close()
  return path
}
const partition = { topic: 'orders', partition: 0 }
/** Of the records in the batch of that number. */
const timeMs = (batch: number) => 1_700_000_000_000 + batch * 1000

describe.each([
  ['record', -2],
  ['checksum', 17],
  // Outside of what the checksum covers.
  ['base offset', 7],
  ['length', 9],
  ['format version', 16],
  ['count', 60],
])('a batch with a damaged %s', (_, position) => {
  it('is refused with its place, after all that stands before it', async () => {
    const path = await damagedLog(position)
    await using log = await openEmbeddedLog({ path })
    const reader = log.createReader()
    reader.assign(partition, 0)
    expect(values(await take(reader, 2))).toEqual(['a', 'a2'])
    const error = await refusal(poll(reader))
    expect(error).toBeInstanceOf(DamagedBatchError)
    expect(error).toMatchObject({ ...partition, offset: 2, nextOffset: 4 })
    expect(error.message).toMatch(/orders\/0, offsets 2 to 3: .*seek to 4/)
    expect(error.message).toContain(path)
    expect(reader.position(partition)).toBe(2)

    reader.seek(partition, 4)
    expect(values(await take(reader, 2))).toEqual(['c', 'c2'])
  })
})

describe('a log with a damaged batch', () => {
  it('goes on taking records', async () => {
    await using log = await openEmbeddedLog({ path: await damagedLog(-2) })
    const [offset] = await log.commit({ batches: [staged(partition, 'd')] })
    const reader = log.createReader()
    reader.assign(partition, offset!)
    expect(values(await take(reader, 1))).toEqual(['d'])
  })

  it('says so too when a time is looked up in it, and finds times before it', async () => {
    await using log = await openEmbeddedLog({ path: await damagedLog(-2) })
    expect(await log.offsets(new Date(timeMs(0)), [partition])).toEqual([0])
    expect(await refusal(log.offsets(new Date(timeMs(1)), [partition]))).toBeInstanceOf(DamagedBatchError)
    expect(await log.offsets(new Date(timeMs(2)), [partition])).toEqual([4])
  })
})
