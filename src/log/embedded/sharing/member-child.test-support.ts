/**
 * Started by tests as one of several processes on a log: a member of group `workers` on `orders`, which answers each record
 * with one in `done` (`partition:offset`) in the unit that commits its position. It tells its parent what it holds.
 *
 * Arguments: the path; options as JSON: `sessionTimeoutMs`; `dieAtCommit`: SIGKILL itself before or after its n-th
 * `COMMIT`. The message `stop` makes it SIGSTOP itself inside its next transaction, `close` closes the log.
 */
import { toError } from '../../../core/errors.ts'
import { poll, staged } from '../../conformance/harness.ts'
import { FencedError } from '../../errors.ts'
import type { Lease, Member, Reader } from '../../log.ts'
import { type OpenDatabase, openSqlite } from '../database.ts'
import { openEmbeddedLog } from '../index.ts'

interface ChildOptions {
  readonly sessionTimeoutMs?: number
  readonly dieAtCommit?: { readonly number: number; readonly when: 'before' | 'after' }
}
const [path = '', json = '{}'] = process.argv.slice(2)
const { sessionTimeoutMs = 10_000, dieAtCommit } = JSON.parse(json) as ChildOptions
let commits = 0
let stopAtNextCommit = false

const openDatabase: OpenDatabase = (file) => {
  const database = openSqlite(file)
  if (file !== path) return database
  const prepare = database.prepare.bind(database)
  database.prepare = (sql) => {
    const statement = prepare(sql)
    if (sql !== 'COMMIT') return statement
    return { ...statement, run: () => commit(() => statement.run()) }
  }
  return database
}
function commit<T>(run: () => T): T {
  commits++
  if (stopAtNextCommit) {
    stopAtNextCommit = false
    process.kill(process.pid, 'SIGSTOP')
  }
  if (commits === dieAtCommit?.number && dieAtCommit.when === 'before') process.kill(process.pid, 'SIGKILL')
  const result = run()
  if (commits === dieAtCommit?.number) process.kill(process.pid, 'SIGKILL')
  return result
}

const held = new Map<number, Lease>()
const tell = (event: string) => process.send?.({ event, held: [...held.keys()].sort((one, other) => one - other) })

const log = await openEmbeddedLog({ path, sessionTimeoutMs, openDatabase })
try {
  const reader = log.createReader()
  const letGo = (leases: readonly Lease[]) => {
    for (const lease of leases) {
      held.delete(lease.partition)
      reader.unassign(lease)
    }
  }
  process.on('message', (message) => {
    if (message === 'stop') stopAtNextCommit = true
    if (message === 'close') void log.close().then(() => process.disconnect())
  })
  const member = await log.join({
    group: 'workers',
    topics: ['orders'],
    listener: {
      assigned: async (leases) => {
        const positions = await log.committed('workers', leases)
        for (const [index, lease] of leases.entries()) {
          held.set(lease.partition, lease)
          reader.assign(lease, positions[index]?.position ?? 0)
        }
        tell('assigned')
      },
      revoked: (leases) => {
        letGo(leases)
        tell('revoked')
      },
      lost: (leases) => {
        letGo(leases)
        tell('lost')
      },
      failed: (error) => void process.send?.({ event: `failed: ${error.message}`, held: [] }),
    },
  })
  tell('joined')
  await work(reader, member)
} catch (error) {
  process.send?.({ event: `failed: ${toError(error).message}`, held: [] })
  throw error
}

async function work(reader: Reader, member: Member): Promise<void> {
  for (;;) {
    const records = await poll(reader)
    // The log was closed.
    if (records.length === 0) return
    // Records that were read under one lease are not for a later one of the same partition.
    const leases = new Map(held)
    for (const { partition, offset } of records) {
      const lease = leases.get(partition)
      if (lease === undefined || held.get(partition) !== lease) continue
      try {
        await log.commit({
          batches: [staged({ topic: 'done', partition: 0 }, `${partition}:${offset}`)],
          offsets: { group: 'workers', member, offsets: [{ ...lease, position: offset + 1, metadata: '' }] },
        })
      } catch (error) {
        if (!(error instanceof FencedError)) throw error
        tell('fenced')
      }
    }
  }
}
