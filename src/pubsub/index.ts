/**
 * Publish/subscribe: every group gets every record of its topics.
 *
 * @module
 */
export { type SubscriberHandle, type SubscriberOptions, subscriber } from './subscriber.ts'
