import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import { ensureTopic, freshPath, readValues } from './engine.test-support.ts'
import { openEmbeddedLog } from './index.ts'

/** Makes a file what version 1 left: the same but for the tables of processes. */
function makeVersionOne(path: string): void {
  const database = new DatabaseSync(path)
  database.exec(`
    DROP TABLE lease; DROP TABLE member; DROP TABLE process;
    DROP TRIGGER topic_inserted; DROP TRIGGER topic_updated; DROP TRIGGER topic_deleted;
    DROP TRIGGER partition_updated; DROP TRIGGER last_batch_deleted; DROP TABLE revision;
    PRAGMA user_version = 1`)
  database.close()
}
function columns(path: string, sql: string): unknown[] {
  const database = new DatabaseSync(path, { returnArrays: true })
  const rows = database.prepare(sql).all().flat()
  database.close()
  return rows
}

describe('a file of format version 1', () => {
  it('becomes one of version 2 when it is opened, and keeps what is in it', async () => {
    const path = freshPath()
    const before = await openEmbeddedLog({ path })
    const [partition] = await ensureTopic(before, 'orders')
    await before.commit({ batches: [staged(partition!, 'a', 'b')] })
    await before.close()
    const schema = columns(path, 'SELECT name FROM sqlite_schema ORDER BY name')
    makeVersionOne(path)

    const log = await openEmbeddedLog({ path })
    expect(await readValues(log, partition!)).toEqual(['a', 'b'])
    await log.close()
    expect(columns(path, 'PRAGMA user_version')).toEqual([2])
    expect(columns(path, 'SELECT name FROM sqlite_schema ORDER BY name')).toEqual(schema)
  })
})

describe('the revisions', () => {
  it('rise when a topic is made, when the last batch is deleted, and when a partition is moved by hand', async () => {
    const path = freshPath()
    const log = await openEmbeddedLog({ path })
    const [partition] = await ensureTopic(log, 'orders')
    await log.commit({ batches: [staged(partition!, 'a')] })
    await log.commit({ batches: [staged(partition!, 'b')] })
    await log.close()
    const read = () => columns(path, 'SELECT topics, batches FROM revision')
    expect(read()).toEqual([1, 0])
    columns(path, 'DELETE FROM batch WHERE number = 1 RETURNING number')
    expect(read()).toEqual([1, 0])
    columns(path, 'DELETE FROM batch WHERE number = 2 RETURNING number')
    expect(read()).toEqual([1, 1])
    columns(path, 'UPDATE partition SET start_offset = 2, end_offset = 2 RETURNING number')
    expect(read()).toEqual([1, 2])
  })
})
