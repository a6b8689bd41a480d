import { expect, it } from 'vitest'
import { compareBytes } from '../../core/bytes.ts'
import type { StoreReadRange } from '../commit/commit-home.ts'
import { Marks } from './marks.ts'
import { StoreBuffer } from './store-buffer.ts'

/** A store in memory, and what commits a buffer to it. */
function open() {
  const entries = new Map<string, Uint8Array>()
  const read = async ({ from, to, limit }: StoreReadRange) =>
    [...entries]
      .map(([key, value]) => [Buffer.from(key, 'latin1'), value] as const)
      .filter(([key]) => compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0))
      .sort(([one], [other]) => compareBytes(one, other))
      .slice(0, limit)
  const buffer = new StoreBuffer('marks', read)
  const commit = () => {
    for (const [key, value] of buffer.take().writes) {
      const text = Buffer.from(key).toString('latin1')
      if (value === null) entries.delete(text)
      else entries.set(text, value)
    }
    buffer.committed()
  }
  return { entries, buffer, commit }
}

it('marks are forgotten when they are over, and not those that were put again for longer', async () => {
  const { entries, buffer, commit } = open()
  const marks = new Marks(buffer, 'd')
  for (let n = 0; n < 1_000; n++) marks.put(`id ${n}`, String(n), n)
  marks.put('id 1', 'again', 5_000)
  commit()
  for (let round = 0; round < 4; round++) {
    await marks.sweep(999)
    commit()
  }
  expect(await marks.get('id 998')).toBeUndefined()
  expect(await marks.get('id 999')).toBe('999')
  expect(await marks.get('id 1')).toBe('again')
  expect(entries.size).toBe(4)
})

it('a mark that is put again while it is swept stays', async () => {
  const { buffer, commit } = open()
  const marks = new Marks(buffer, 'd')
  for (let n = 0; n < 100; n++) marks.put(`id ${n}`, 'old', n)
  commit()
  const sweeping = marks.sweep(1_000)
  await Promise.resolve()
  marks.put('id 50', 'new', 5_000)
  await sweeping
  commit()
  expect(await marks.get('id 50')).toBe('new')
  expect(await marks.get('id 51')).toBeUndefined()
})

it('the store does not grow for ever while more marks come between two sweeps than one sweep takes', async () => {
  const { entries, buffer, commit } = open()
  const marks = new Marks(buffer, 'd')
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 600; n++) marks.put(`id ${round} ${n}`, 'sent', round * 100)
    await marks.sweep(round * 100)
    commit()
  }
  // Two entries a mark: those of the last round.
  expect(entries.size).toBe(2 * 600)
})
