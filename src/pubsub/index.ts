/**
 * Publish/subscribe: every group gets every record of its topics.
 *
 * @module
 */
export type { BatchItem } from '../runtime/batches/batch.ts'
export { type BatchContext, type BatchOptions, batchSubscriber } from './batch-subscriber.ts'
export { subscriber } from './subscriber.ts'
export type { SubscriberHandle, SubscriberOptions } from './subscriber-options.ts'
