import { describe, expect, test } from 'vitest'
import { Durability } from './durability.ts'

/** A file whose fsyncs end when the test says so. */
class HeldFile {
  syncs: PromiseWithResolvers<void>[] = []
  sync(): Promise<void> {
    const held = Promise.withResolvers<void>()
    this.syncs.push(held)
    return held.promise
  }
  async close(): Promise<void> {}
}

describe('durability', () => {
  test('asks for an fsync when something was committed since the last one, and only then', async () => {
    const file = new HeldFile()
    const durability = new Durability(file)
    await durability.durable()
    expect(file.syncs).toHaveLength(0)
    durability.committed()
    const first = durability.durable()
    expect(file.syncs).toHaveLength(1)
    file.syncs[0]!.resolve()
    await first
    await durability.durable()
    expect(file.syncs).toHaveLength(1)
  })

  test('does not take an fsync for a commit that came while it ran', async () => {
    const file = new HeldFile()
    const durability = new Durability(file)
    durability.committed()
    const first = durability.durable()
    durability.committed()
    file.syncs[0]!.resolve()
    await first
    const second = durability.durable()
    expect(file.syncs).toHaveLength(2)
    file.syncs[1]!.resolve()
    await second
  })

  test('covers an outbox row that another process wrote', async () => {
    const file = new HeldFile()
    const durability = new Durability(file)
    durability.committed()
    durability.committedOutbox(3)
    const own = durability.durable()
    file.syncs[0]!.resolve()
    await own
    await durability.durableUpTo(3)
    expect(file.syncs).toHaveLength(1)
    const foreign = durability.durableUpTo(4)
    expect(file.syncs).toHaveLength(2)
    file.syncs[1]!.resolve()
    await foreign
    await durability.durableUpTo(4)
    expect(file.syncs).toHaveLength(2)
  })

  test('does not count an fsync that failed', async () => {
    const file = new HeldFile()
    const durability = new Durability(file)
    durability.committed()
    const failing = durability.durable()
    file.syncs[0]!.reject(new Error('no disk'))
    await expect(failing).rejects.toThrow('no disk')
    const again = durability.durable()
    file.syncs[1]!.reject(new Error('still none'))
    await expect(again).rejects.toThrow('still none')
  })
})
