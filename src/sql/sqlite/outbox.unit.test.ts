import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecordHeader } from '../../log/records/batch-writer.ts'
import { message, openTestHome } from './sqlite-home.test-support.ts'

const text = fc.string({ unit: 'grapheme' })
const bytes = fc.uint8Array().map((value) => new Uint8Array(value))
const value = fc.oneof(fc.constant(null), text, bytes)

describe('the outbox', () => {
  test('gives back every message as it was, text as text and bytes as bytes (seeded)', async () => {
    await using test = await openTestHome()
    const anyMessage = fc.record({
      topic: fc.stringMatching(/^[a-z.-]{1,20}$/),
      key: value,
      value,
      headers: fc.array(fc.tuple(text, value), { maxLength: 4 }),
      timestampMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    })
    let after = 0
    await fc.assert(
      fc.asyncProperty(fc.array(anyMessage, { minLength: 1, maxLength: 5 }), async (messages) => {
        const { outboxNumber } = await test.home.begin().commit({ outputs: messages })
        const rows = await test.home.outbox.read(after, Number.MAX_SAFE_INTEGER)
        expect(rows.map((row) => plain(row.message))).toEqual(messages.map(plain))
        expect(rows.at(-1)?.number).toBe(outboxNumber)
        after = outboxNumber
      }),
    )
  })

  test('keeps null, empty and repeated headers apart', async () => {
    await using test = await openTestHome()
    const headers: RecordHeader[] = [
      ['a', 'x'],
      ['a', null],
      ['a', ''],
      ['', new Uint8Array()],
    ]
    await test.home.begin().commit({ outputs: [message('v', { key: '', value: null, headers })] })
    const [row] = await test.home.outbox.read(0, 1)
    expect(plain(row!.message)).toEqual(plain(message('v', { key: '', value: null, headers })))
  })

  test('reads about as many bytes as asked for, and at least one row', async () => {
    await using test = await openTestHome()
    await test.home.begin().commit({ outputs: ['a', 'b', 'c'].map((letter) => message(letter.repeat(100))) })
    const numbers = async (after: number, maxBytes: number) =>
      (await test.home.outbox.read(after, maxBytes)).map((row) => row.number)
    expect(await numbers(0, 1)).toEqual([1])
    expect(await numbers(0, 250)).toEqual([1, 2])
    expect(await numbers(1, 10_000)).toEqual([2, 3])
    expect(await numbers(3, 10_000)).toEqual([])
  })

  test('never gives a number twice, also when all rows are gone', async () => {
    await using test = await openTestHome()
    expect(await test.home.outbox.lastNumber()).toBe(0)
    await test.home.begin().commit({ outputs: [message('a'), message('b')] })
    await test.home.outbox.remove(1)
    expect((await test.home.outbox.read(0, 1_000)).map((row) => row.number)).toEqual([2])
    await test.home.outbox.remove(2)
    expect(await test.home.outbox.lastNumber()).toBe(2)
    expect(await test.home.begin().commit({ outputs: [message('c')] })).toEqual({ outboxNumber: 3 })
  })

  test('tells of each commit that left rows, and of no other', async () => {
    await using test = await openTestHome()
    let told = 0
    const listener = () => {
      told++
    }
    const stop = test.home.outbox.onCommitted(listener)
    const stopSecond = test.home.outbox.onCommitted(listener)
    stopSecond()
    await test.home.begin().commit({ outputs: [] })
    await test.home.begin().rollback()
    expect(told).toBe(0)
    await test.home.begin().commit({ outputs: [message('a'), message('b')] })
    expect(told).toBe(1)
    stop()
    await test.home.begin().commit({ outputs: [message('c')] })
    expect(told).toBe(1)
  })

  test('does not show what is not committed', async () => {
    await using test = await openTestHome()
    const checkpoint = await test.home.claim({ group: 'g', logId: 'l', topic: 't', topicId: 'i', partition: 0 })
    let seen: Promise<readonly unknown[]> | undefined
    const advance = () => {
      seen = test.home.outbox.read(0, 1_000)
      throw new Error('undo')
    }
    await expect(test.home.begin().commit({ checkpoint, advance, outputs: [message('a')] })).rejects.toThrow('undo')
    expect(await seen).toEqual([])
  })
})

/** Bytes as arrays, so that a Buffer equals a Uint8Array and not a string. */
function plain(of: { key: unknown; value: unknown; headers: readonly RecordHeader[] }): unknown {
  const show = (part: unknown) => (part instanceof Uint8Array ? { bytes: [...part] } : part)
  return {
    ...of,
    key: show(of.key),
    value: show(of.value),
    headers: of.headers.map(([name, part]) => [name, show(part)]),
  }
}
