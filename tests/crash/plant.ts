/** The app that the crash tests kill: every kind of component, with handlers that fail in every way. */
import { setTimeout as wait } from 'node:timers/promises'
import { RejectError, RetryAfterError, topic } from 'millrace'
import { command } from 'millrace/cqrs'
import { subscriber } from 'millrace/pubsub'
import { queue, worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import * as z from 'zod'

/** How a handler fares with a record: `first` and `twice` fail so often, `later` not before its time, `poison` until it is healed. */
export const fates = ['fine', 'first', 'twice', 'later', 'poison', 'refused'] as const
export type Fate = (typeof fates)[number]

const Work = z.object({ key: z.string(), fate: z.enum(fates), notBeforeMs: z.number() })
const Output = z.object({ source: z.string(), key: z.string() })
const byKey = { key: ({ key }: { readonly key: string }) => key, partitions: 3 }

export const inputs = topic('inputs', { schema: Work, ...byKey })
export const tasks = queue('tasks', { schema: Work.extend({ type: z.literal('work') }), partitions: 3 })
export const lefts = topic('lefts', { schema: Output, ...byKey })
export const rights = topic('rights', { schema: Output, ...byKey })
const copies = topic('copies', { schema: Output, ...byKey })
const receipts = topic('receipts', { schema: Output, ...byKey })
const results = topic('results', { schema: Output, ...byKey })
const booked = topic('booked', { schema: Output, ...byKey })

interface Tables {
  rows: { number?: number; source: string; key: string }
  bookings: { source: string }
}

/** A handler begins with a record. */
export interface Attempted {
  readonly group: string
  readonly id: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly atMs: number
}
export interface PlantOptions {
  /** Whether poison is none any more. */
  readonly isHealed: boolean
  readonly attempted: (attempt: Attempted) => void
}
type Context = Omit<Attempted, 'group' | 'atMs'> & { readonly attempt: number }

const retry = { attempts: 4, delay: '30ms', maxDelay: '300ms' } as const
const retryAfterMs = 150

const book = database<Tables>('book', {
  migrations: {
    '001': {
      up: async (db) => {
        await db.schema
          .createTable('rows')
          .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
          .addColumn('source', 'text')
          .addColumn('key', 'text')
          .execute()
        await db.schema.createTable('bookings').addColumn('source', 'text').execute()
      },
    },
  },
})

/** The components. Each output names the record that it came of. */
export function createPlant({ isHealed, attempted }: PlantOptions) {
  const work = async (group: string, { fate, notBeforeMs }: z.infer<typeof Work>, context: Context) => {
    const { id, topic, partition, offset, attempt } = context
    attempted({ group, id, topic, partition, offset, atMs: Date.now() })
    if (offset % 3 === 0) await wait(offset % 5)
    if (fate === 'refused') throw new RejectError('refused')
    if (fate === 'later' && Date.now() < notBeforeMs) throw new RetryAfterError(retryAfterMs)
    if ((fate === 'poison' && !isHealed) || attempt <= failuresOf(fate)) throw new Error(`attempt ${attempt} fails`)
  }
  const copier = subscriber('copier', {
    from: inputs,
    retry,
    on: async (event, context) => {
      context.publish(copies, { source: context.id, key: event.key })
      await work('copier', event, context)
    },
  })
  const recorder = subscriber('recorder', {
    from: inputs,
    database: book,
    retry,
    on: async (event, context) => {
      await context.tx.insertInto('rows').values({ source: context.id, key: event.key }).execute()
      context.publish(receipts, { source: context.id, key: event.key })
      await work('recorder', event, context)
    },
  })
  const workers = worker('workers', {
    from: tasks,
    retry,
    concurrency: 8,
    on: {
      work: async (task, context) => {
        context.publish(results, { source: context.id, key: task.key })
        await work('workers', task, context)
      },
    },
  })
  const reader = subscriber('reader', {
    from: copies,
    on: (_, { id, topic, partition, offset }) =>
      attempted({ group: 'reader', id, topic, partition, offset, atMs: Date.now() }),
  })
  const booking = command('booking', {
    database: book,
    input: z.object({ source: z.string() }),
    handle: async ({ source }, { tx, publish }) => {
      await tx.insertInto('bookings').values({ source }).execute()
      publish(booked, { source, key: source })
    },
  })
  return { components: [copier, recorder, workers, reader] as const, booking }
}

function failuresOf(fate: Fate): number {
  return fate === 'first' ? 1 : fate === 'twice' ? 2 : 0
}
