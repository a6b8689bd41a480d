import type { Component } from '../core/component.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { FaultList } from '../core/faults.ts'
import { type BatchItem, batchRoute } from '../runtime/batches/batch.ts'
import type { HandlerContext } from '../runtime/context.ts'
import { isHandler } from '../runtime/routes.ts'
import type { WithTx } from '../sql/index.ts'
import type { Handler, Source, TopicsOf } from '../topics/handlers.ts'
import type { OutputOf } from '../topics/types.ts'
import {
  knownOptions,
  makeSubscriber,
  readSubscriberOptions,
  type SubscriberHandle,
  type SubscriberOptions,
  type UntypedOptions,
} from './subscriber-options.ts'

/** So many records of a partition are taken and not finished at most, and all of a batch are unfinished until it ends. */
const mostSize = 1_000

/** How records are put into batches. */
export interface BatchOptions {
  /** Records of a batch at most; 1 to 1,000. */
  readonly size: number
  /** How long a batch that is not full waits for more, from the arrival of its first record on. `0` by default: no wait. */
  readonly wait?: Duration
}

/** What the handler of a batch gets beside its items. Every member may be destructured. */
export type BatchContext = Pick<HandlerContext, 'publish' | 'send' | 'get' | 'signal' | 'log' | 'now'>

/**
 * A subscriber that is handed its records in batches: of one partition each, in order of offset, a partition's batches one
 * after the other. `concurrency` is batches at once, over all partitions.
 *
 * What a batch publishes commits with the acknowledgement of all its records (and, with `database`, with its rows and the
 * checkpoint, exactly once), or not at all.
 *
 * `item.fail(error)`: that record alone is tried again (`retry`), held or dead, and the rest commits. Those behind it of
 * its key in the batch wait for it and are handled again after it: order by key holds. Where the batch has published
 * something or has a transaction, nothing of this attempt commits, for it may come from the failed ones: the rest is
 * handled again at once without them, and should items fail then too, one by one.
 *
 * A handler that throws fails the whole batch: it is tried again as a whole, its partition waiting in memory; when its
 * attempts are spent, or for a `RejectError`, its records are handled one by one, so that only those that fail die.
 *
 * Records that come back (tried again, held, redriven) are batches of their own. A tombstone goes alone to
 * `onTombstone`; a record that cannot be read to the dead letters. Middleware is called once a batch, with the place, id
 * and headers of its first record and no key; it sees what the handler throws, not what items fail with. `timeout` is for
 * the whole batch. (Kafka: the records of one `poll`, by partition.)
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * batchSubscriber('search-index', {
 *   from: products,
 *   batch: { size: 500, wait: '200ms' },
 *   on: async (items) => {
 *     const refused = await index(items.map(({ event }) => event))
 *     for (const { at, reason } of refused) items[at].fail(new Error(reason))
 *   },
 * })
 * ```
 */
export function batchSubscriber<const S extends Source, Tables = never>(
  group: string,
  options: SubscriberOptions<S, Tables> & {
    readonly batch: BatchOptions
    readonly on: Handler<readonly BatchItem<OutputOf<TopicsOf<S>>>[], WithTx<BatchContext, Tables>>
  },
): Component<SubscriberHandle>
export function batchSubscriber(group: string, options: UntypedBatchOptions): Component<SubscriberHandle> {
  const { on, batch } = options ?? {}
  const faults = new FaultList()
  faults.expectOnly(options, { ...knownOptions, batch: true })
  const { common, limits } = readSubscriberOptions(group, options, faults)
  faults.expect(isHandler(on), 'on', 'give a function')
  faults.expect(typeof batch === 'object' && batch !== null, 'batch', 'give an object with the size')
  faults.expectOnly(batch, { size: true, wait: true }, 'batch.')
  const { size = 0, wait = 0 } = batch ?? {}
  const sizeFits = Number.isInteger(size) && size >= 1 && size <= mostSize
  faults.expect(sizeFits, 'batch.size', `give a whole number from 1 to ${mostSize}`)
  const waitMs = faults.attempt('batch.wait', () => toMilliseconds(wait)) ?? 0
  faults.throwIfAny(`batchSubscriber ${JSON.stringify(group)}`)

  const route = batchRoute(on as Parameters<typeof batchRoute>[0], limits)
  return makeSubscriber('batch-subscriber', group, { ...common, route: () => route, batch: { size, waitMs, route } })
}

interface UntypedBatchOptions extends UntypedOptions {
  readonly batch: BatchOptions
}
