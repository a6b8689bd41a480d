import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { staged } from '../conformance/harness.ts'
import { isBusy, type OpenDatabase, openSqlite, type SqlStatement } from './database.ts'
import { ensureTopic, freshPath, readValues } from './engine.test-support.ts'
import { openEmbeddedLog } from './index.ts'

const orders = { topic: 'orders', partition: 0 }

/** SQLite that calls `between` after each of its calls on the log, as if another process had its turn. */
function interrupted(between: () => void): OpenDatabase {
  return (path) => {
    const database = openSqlite(path)
    if (path.endsWith('.lock')) return database
    const step = <T>(work: () => T): T => {
      const result = work()
      between()
      return result
    }
    const wrap = (statement: SqlStatement): SqlStatement => ({
      run: (...values) => step(() => statement.run(...values)),
      get: (...values) => step(() => statement.get(...values)),
      all: (...values) => step(() => statement.all(...values)),
      iterate: (...values) => step(() => statement.iterate(...values)),
    })
    return {
      get isTransaction() {
        return database.isTransaction
      },
      exec: (sql) => step(() => database.exec(sql)),
      prepare: (sql) => wrap(database.prepare(sql)),
      close: () => database.close(),
    }
  }
}

it('a process that opens the log sees what another one committed at any moment of that, and then died', async () => {
  for (let at = 1; ; at++) {
    const path = freshPath()
    {
      await using first = await openEmbeddedLog({ path })
      await ensureTopic(first, 'orders')
      await first.commit({ batches: [staged(orders, 'a')], offsets: { group: 'g', offsets: [committedAt(1)] } })
    }
    let calls = 0
    let isDone = false
    const openDatabase = interrupted(() => {
      if (++calls < at || isDone) return
      isDone = intrude(path)
    })
    await using log = await openEmbeddedLog({ path, openDatabase })
    const last = calls
    if (at > last) break
    expect(isDone).toBe(true)
    expect(await log.committed('g', [orders]), `after call ${at}`).toEqual([committedAt(2)].map(withoutPlace))
    expect(await readValues(log, orders)).toEqual(['a'])
  }
})

function committedAt(position: number) {
  return { ...orders, position, metadata: '' }
}
function withoutPlace({ position, metadata }: ReturnType<typeof committedAt>) {
  return { position, metadata }
}

/** Commits an offset by a connection of its own; false while the file is locked. */
function intrude(path: string): boolean {
  using other = new DatabaseSync(path, { timeout: 0 })
  try {
    other.exec('UPDATE committed_offset SET position = 2')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw error
  }
}
