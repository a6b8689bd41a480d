import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import { logOfVersion, readValues } from './engine.test-support.ts'
import { openEmbeddedLog } from './index.ts'

const group = 'billing'
const orders = { topic: 'orders', partition: 0 }
const large = { topic: 'orders', partition: 1 }
const prices = { topic: 'prices', partition: 0 }

describe('a log of format version 1', () => {
  it('opens with its topics, records, times, offsets and stores', async () => {
    await using log = await openEmbeddedLog({ path: logOfVersion(1) })
    expect(log.id).toBe('00000000-0000-4000-8000-000000000001')
    expect(await log.topics()).toMatchObject([
      { name: 'orders', id: '00000000-0000-4000-8000-000000000002', partitions: 2, compacted: false },
      { name: 'prices', id: '00000000-0000-4000-8000-000000000003', partitions: 1, compacted: true },
    ])
    const partitions = [orders, large, prices]
    expect(await log.offsets('start', partitions)).toEqual([0, 0, 0])
    expect(await log.offsets('end', partitions)).toEqual([3, 1, 3])
    expect(await log.offsets(new Date(1_700_000_000_500), [orders])).toEqual([1])
    expect(await readValues(log, orders)).toEqual(['a', 'b', 'c'])
    expect(await readValues(log, large)).toEqual(['x'.repeat(20_000)])
    expect(await readValues(log, prices)).toEqual(['1', '2', null])
    expect(await log.committed(group, [orders, large])).toEqual([{ position: 2, metadata: 'm1:AAE=' }, undefined])
    const range = { ...orders, group, store: 'parked', from: new Uint8Array(), limit: 10 }
    const entries = await log.readStore(range)
    expect(entries.map(([key, value]) => [Buffer.from(key).toString(), [...value]])).toEqual([
      ['b1', [0, 255]],
      ['h1', [...Buffer.from('{"why":"later"}')]],
    ])
  })

  it('goes on where it ended, also after it was closed', async () => {
    const path = logOfVersion(1)
    const log = await openEmbeddedLog({ path })
    expect(await log.commit({ batches: [staged(orders, 'd')] })).toEqual([3])
    await log.close()
    await using again = await openEmbeddedLog({ path })
    expect(await readValues(again, orders)).toEqual(['a', 'b', 'c', 'd'])
  })
})

describe('a log of format version 2', () => {
  /** A log of today, as that version had it: a process did not say its session timeout. */
  async function logOfVersion2(): Promise<string> {
    const path = logOfVersion(1)
    const log = await openEmbeddedLog({ path })
    const listener = { assigned() {}, revoked() {}, lost() {}, failed() {} }
    await log.join({ group, topics: ['orders'], listener })
    await log.close()
    const database = new DatabaseSync(path)
    database.exec('ALTER TABLE process DROP COLUMN session_timeout_ms; PRAGMA user_version = 2')
    database.exec("INSERT INTO process (id, process_id, host, heartbeat) VALUES ('gone', 1, 'here', 0)")
    database.exec(
      "INSERT INTO member (id, \"group\", process, topics, leaving) SELECT 'm', 'g', number, '[]', 0 FROM process",
    )
    database.close()
    return path
  }

  it('opens, and its groups go on with leases that no member before had', async () => {
    await using log = await openEmbeddedLog({ path: await logOfVersion2() })
    expect(await readValues(log, orders)).toEqual(['a', 'b', 'c'])
    expect((await log.describeGroups([group]))[0]).toMatchObject({ members: [], offsets: [{ position: 2 }] })
    const member = await log.join({
      group,
      topics: ['orders'],
      listener: { assigned() {}, revoked() {}, lost() {}, failed() {} },
    })
    // The first tenure was in the file of version 2.
    expect(member.leases.map(({ epoch }) => epoch)).toEqual([2, 2])
  })
})
