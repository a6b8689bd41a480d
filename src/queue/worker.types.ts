/** What users of workers get without an annotation, and the wrong uses that the compiler refuses at their place. */
import { millrace } from 'millrace'
import { queue, type WorkerHandle, worker } from 'millrace/queue'
import { database, type Transaction } from 'millrace/sql'
import * as z from 'zod'
import { typeOf } from '../core/type-expectations.test-support.ts'
import { orderEvents, tasks } from '../topics/order-events.test-support.ts'

// A plain handler and a handler with options, in one map.
const both = worker('w', {
  from: tasks,
  concurrency: 4,
  on: {
    a: ({ x }) => typeOf(x).is<string>(),
    b: {
      concurrency: 2,
      timeout: '1m',
      retry: { attempts: 2 },
      handle: ({ y }, { signal, extend }) => {
        typeOf(y).is<number>()
        typeOf(signal).is<AbortSignal>()
        extend('5m')
      },
    },
  },
})
typeOf(millrace('types').add(both)).is<WorkerHandle>()

interface Tables {
  sent: { id: string }
}
const mails = database<Tables>('mails')
worker('with-tx', {
  from: tasks,
  database: mails,
  on: {
    a: async ({ x }, { tx }) => {
      typeOf(tx).is<Transaction<Tables>>()
      await tx.insertInto('sent').values({ id: x }).execute()
    },
    b: { handle: (_, { tx }) => typeOf(tx).is<Transaction<Tables>>() },
  },
})

// @ts-expect-error: a task without a handler would be lost
worker('w', { from: tasks, on: { a: () => {} } })
// @ts-expect-error: misspelt type of task
worker('w', { from: tasks, on: { a: () => {}, b: () => {}, c: () => {} } })
// @ts-expect-error: a topic has subscribers, not workers
worker('w', { from: orderEvents, on: {} })
// @ts-expect-error: no transaction without a database
worker('w', { from: tasks, on: { a: (_, { tx }) => void tx, b: () => {} } })
// @ts-expect-error: a key is text
queue('q', { schema: z.object({ n: z.number() }), key: (value) => value.n })
