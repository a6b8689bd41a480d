import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import { ensureTopic, freshPath, logOfVersion } from './engine.test-support.ts'
import { openEmbeddedLog } from './index.ts'

function columns(path: string, sql: string): unknown[] {
  const database = new DatabaseSync(path, { returnArrays: true })
  const rows = database.prepare(sql).all().flat()
  database.close()
  return rows
}

describe('a file of format version 1', () => {
  it('has all tables and columns of version 3 after it was opened', async () => {
    const [path, fresh] = [logOfVersion(1), freshPath()]
    for (const each of [path, fresh]) await (await openEmbeddedLog({ path: each })).close()
    expect(columns(path, 'PRAGMA user_version')).toEqual([3])
    const names = `SELECT m.name, c.name FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ORDER BY m.name, c.name`
    expect(columns(path, names)).toEqual(columns(fresh, names))
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
