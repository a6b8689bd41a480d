import { describe, it } from 'vitest'
import { type StoreAccess, storeBehaviours } from '../../log/conformance/stores.ts'
import type { CheckpointKey } from '../../runtime/commit/commit-home.ts'
import type { SqliteHome } from './home.ts'
import { openTestHome, temporaryFolder } from './sqlite-home.test-support.ts'

const partitions = [
  { topic: 'orders', partition: 0 },
  { topic: 'orders', partition: 1 },
  { topic: 'payments', partition: 0 },
] as const

/** Each unit claims its partition anew, and commits with no record. */
function accessOf(home: SqliteHome): StoreAccess {
  const keyOf = (place: { group: string; topic: string; partition: number }): CheckpointKey => {
    const { group, topic, partition } = place
    return { group, logId: 'log-1', topic, topicId: `id of ${topic}`, partition }
  }
  const bytes = (content: string | Uint8Array) => (typeof content === 'string' ? Buffer.from(content) : content)
  let names = 0
  return {
    partitions,
    name: (what) => `${what}-${++names}`,
    write: async ({ store, ...place }, writes) => {
      const checkpoint = await home.claim(keyOf(place))
      const changes = writes.map(([key, value]) => [bytes(key), value === null ? null : bytes(value)] as const)
      const progress = { position: 0, finished: [] }
      const stores = [{ store, writes: changes }]
      await home.begin().commit({ checkpoint, advance: () => ({ progress, stores }), outputs: [] })
    },
    read: ({ store, from, to, limit, ...place }) => {
      return home.readStore(keyOf(place), { store, from, limit, ...(to === undefined ? {} : { to }) })
    },
  }
}

describe.each(['memory', 'a file'])('the stores of a SQLite database in %s', (where) => {
  for (const [title, show] of Object.entries(storeBehaviours)) {
    it(title, async () => {
      using folder = temporaryFolder()
      await using opened = await openTestHome(where === 'memory' ? {} : { path: folder.path('app.db') })
      await show(accessOf(opened.home))
    })
  }
})
