import { describe, expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import type { TopicPartition } from '../log.ts'
import { ensureTopic, freshPath, readValues, refusal } from './engine.test-support.ts'
import { type EmbeddedLogOptions, LogFullError, openEmbeddedLog } from './index.ts'

const big = 'x'.repeat(150_000)
const group = 'billing'

describe.each([
  ['a file', (): EmbeddedLogOptions => ({ path: freshPath() })],
  ['memory', (): EmbeddedLogOptions => ({ memory: true })],
])('a log in %s that is full', (_, where) => {
  it('refuses the whole unit, and goes on with what fits', async () => {
    await using log = await openEmbeddedLog({ ...where(), maxPageCount: 80 })
    const [input, output] = (await ensureTopic(log, 'orders', 2)) as [TopicPartition, TopicPartition]
    await log.commit({ batches: [staged(input, 'before')] })
    const unit = {
      batches: [staged(input, 'half'), staged(output, big), staged(output, big)],
      offsets: { group, offsets: [{ ...input, position: 1, metadata: '' }] },
    }
    const error = await refusal(log.commit(unit))
    expect(error).toBeInstanceOf(LogFullError)
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('nothing was written') })
    expect(await log.committed(group, [input])).toEqual([undefined])

    await log.commit({ batches: [staged(input, 'after')] })
    expect(await readValues(log, input)).toEqual(['before', 'after'])
    expect(await readValues(log, output)).toEqual([])
    expect(await log.offsets('end', [input, output])).toEqual([2, 0])
  })
})

describe('a log in a file that was full', () => {
  it('takes what was refused after it was opened with a higher bound', async () => {
    const path = freshPath()
    const bounded = await openEmbeddedLog({ path, maxPageCount: 80 })
    const [partition] = await ensureTopic(bounded, 'orders')
    let written = 0
    const error = await refusal(
      (async () => {
        for (; written < 100; written++) await bounded.commit({ batches: [staged(partition!, `${written}${big}`)] })
      })(),
    )
    expect(error).toBeInstanceOf(LogFullError)
    expect(written).toBeGreaterThan(0)
    await bounded.close()

    await using log = await openEmbeddedLog({ path })
    await log.commit({ batches: [staged(partition!, `${written}${big}`)] })
    const expected = Array.from({ length: written + 1 }, (_, number) => `${number}${big}`)
    expect(await readValues(log, partition!)).toEqual(expected)
  })

  it('refuses new topics as well, and none of them is there', async () => {
    await using log = await openEmbeddedLog({ path: freshPath(), maxPageCount: 34 })
    const asked = ['one', 'two'].map((name) => ({ name, partitions: 5_000, exact: true }))
    expect(await refusal(log.ensureTopics(asked))).toBeInstanceOf(LogFullError)
    expect(await log.topics()).toEqual([])
    await ensureTopic(log, 'one')
  })
})
