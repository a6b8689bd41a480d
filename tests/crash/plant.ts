/** The app that the crash tests kill: every kind of component, with handlers that fail in every way. */
import { setTimeout as wait } from 'node:timers/promises'
import { RejectError, RetryAfterError } from 'millrace'
import { command } from 'millrace/cqrs'
import { type BatchItem, batchSubscriber, subscriber } from 'millrace/pubsub'
import { worker } from 'millrace/queue'
import { database } from 'millrace/sql'
import * as z from 'zod'
import {
  batched,
  booked,
  copies,
  type Fate,
  inputs,
  kept,
  lasts,
  loaded,
  receipts,
  recents,
  results,
  states,
  tasks,
  type Work,
} from './topics.ts'

interface Tables {
  rows: { number?: number; source: string; key: string }
  loads: { number?: number; source: string; key: string }
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
const batch = { size: 8, wait: '5ms' } as const

const book = database<Tables>('book', {
  migrations: {
    '001': {
      up: async (db) => {
        for (const name of ['rows', 'loads']) {
          await db.schema
            .createTable(name)
            .addColumn('number', 'integer', (column) => column.primaryKey().autoIncrement())
            .addColumn('source', 'text')
            .addColumn('key', 'text')
            .execute()
        }
        await db.schema.createTable('bookings').addColumn('source', 'text').execute()
      },
    },
  },
})

/** The components. Each output names the record that it came of. */
export function createPlant({ isHealed, attempted }: PlantOptions) {
  const begin = (group: string, { id, topic, partition, offset }: Omit<Attempted, 'group' | 'atMs'>) =>
    attempted({ group, id, topic, partition, offset, atMs: Date.now() })
  const work = async (group: string, event: Work, context: Context) => {
    begin(group, context)
    if (context.offset % 3 === 0) await wait(context.offset % 5)
    const failure = failureOf(event, { isHealed, attempt: context.attempt })
    if (failure !== undefined) throw failure
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
  const keeper = subscriber('keeper', {
    from: inputs,
    retry,
    whenSpent: 'dead-letter-in-order',
    on: async (event, context) => {
      context.publish(kept, { source: context.id, key: event.key })
      await work('keeper', heal(event, isHealed), context)
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
  const viewer = subscriber('viewer', {
    from: [states, recents, lasts],
    on: (_, context) => begin('viewer', context),
    onTombstone: (_, context) => begin('viewer', context),
  })
  const reader = subscriber('reader', { from: copies, on: (_, context) => begin('reader', context) })
  const booking = command('booking', {
    database: book,
    input: z.object({ source: z.string() }),
    handle: async ({ source }, { tx, publish }) => {
      await tx.insertInto('bookings').values({ source }).execute()
      publish(booked, { source, key: source })
    },
  })
  const batches = createBatches({ isHealed, begin })
  return { components: [copier, recorder, keeper, workers, viewer, reader, ...batches] as const, booking }
}

/** Items that fail alone, and now and then with all of their batch. */
function createBatches({
  isHealed,
  begin,
}: {
  readonly isHealed: boolean
  readonly begin: (group: string, item: BatchItem<Work>) => void
}) {
  const work = async (group: string, items: readonly BatchItem<Work>[], failures: Map<string, number>) => {
    for (const item of items) begin(group, item)
    await wait(items[0]!.offset % 4)
    for (const { id, event, offset, fail } of items) {
      const attempt = (failures.get(id) ?? 0) + 1
      const failure = failureOf(group === 'loader' ? heal(event, isHealed) : event, { isHealed, attempt })
      if (failure === undefined) continue
      failures.set(id, attempt)
      if (offset % 4 === 0) throw failure
      fail(failure)
    }
  }
  // A batch does not know its attempt.
  const [ofBatcher, ofLoader] = [new Map<string, number>(), new Map<string, number>()]
  const batcher = batchSubscriber('batcher', {
    from: inputs,
    retry,
    batch,
    on: async (items, { publish }) => {
      for (const { id, event } of items) publish(batched, { source: id, key: event.key })
      await work('batcher', items, ofBatcher)
    },
  })
  const loader = batchSubscriber('loader', {
    from: inputs,
    database: book,
    retry,
    batch,
    whenSpent: 'dead-letter-in-order',
    on: async (items, { tx, publish }) => {
      const rows = items.map(({ id, event }) => ({ source: id, key: event.key }))
      await tx.insertInto('loads').values(rows).execute()
      for (const row of rows) publish(loaded, row)
      await work('loader', items, ofLoader)
    },
  })
  return [batcher, loader] as const
}

/** Where a dead record keeps its key waiting, healing is for all. */
function heal(event: Work, isHealed: boolean): Work {
  return isHealed && event.fate === 'refused' ? { ...event, fate: 'fine' } : event
}

function failureOf(
  { fate, notBeforeMs }: Work,
  { isHealed, attempt }: { readonly isHealed: boolean; readonly attempt: number },
): Error | undefined {
  if (fate === 'refused') return new RejectError('refused')
  if (fate === 'later' && Date.now() < notBeforeMs) return new RetryAfterError(retryAfterMs)
  const isPoisoned = fate === 'poison' && !isHealed
  return isPoisoned || attempt <= failuresOf(fate) ? new Error(`attempt ${attempt} fails`) : undefined
}
function failuresOf(fate: Fate): number {
  return fate === 'first' ? 1 : fate === 'twice' ? 2 : 0
}
