import type { Component } from '../core/component.ts'
import { FaultList } from '../core/faults.ts'
import type { Route } from '../runtime/consumer-specification.ts'
import type { HandlerContext } from '../runtime/context.ts'
import { isHandler } from '../runtime/routes.ts'
import type { WithTx } from '../sql/index.ts'
import type { Handler, HandlersByType, Source, TopicsOf } from '../topics/handlers.ts'
import type { OutputOf } from '../topics/types.ts'
import {
  knownOptions,
  makeSubscriber,
  readSubscriberOptions,
  type SubscriberHandle,
  type SubscriberOptions,
  type UntypedOptions,
} from './subscriber-options.ts'

/**
 * Subscribes a group to topics: every group gets every record, in a group each record is handled by one member.
 *
 * Records of one key are handled in order, different keys at once. What a handler publishes commits together with the
 * acknowledgement of its record, or not at all; its own effects on the outside world happen at least once: use the
 * record's `id` to deduplicate them. A handler that throws is tried again (`retry`), what it published is dropped; after the
 * last attempt the record is a dead letter (`whenSpent`).
 *
 * `group` is the consumer group and the durable name. `on` is one function for every event, or handlers by event type:
 * then types without a handler are acknowledged and skipped.
 *
 * @throws InvalidOptionsError with every fault of the options.
 * @example
 * ```ts
 * const inventory = subscriber('inventory-service', {
 *   from: orderEvents,
 *   on: { ORDER_CREATED: async ({ items }) => reserve(items) },
 * })
 * ```
 */
export function subscriber<const S extends Source, Tables = never>(
  group: string,
  options: SubscriberOptions<S, Tables> & {
    readonly on:
      | HandlersByType<TopicsOf<S>, WithTx<HandlerContext, Tables>>
      | Handler<OutputOf<TopicsOf<S>>, WithTx<HandlerContext, Tables>>
  },
): Component<SubscriberHandle>
export function subscriber(group: string, options: UntypedOptions): Component<SubscriberHandle> {
  const { on } = options ?? {}
  const faults = new FaultList()
  faults.expectOnly(options, knownOptions)
  const { common, limits } = readSubscriberOptions(group, options, faults)
  const isMap = typeof on === 'object' && on !== null
  faults.expect(isMap || isHandler(on), 'on', 'give a function, or functions by event type')
  const byName = new Map<string, Route>()
  for (const [name, handle] of isMap ? Object.entries(on) : []) {
    faults.expect(handle === undefined || isHandler(handle), `on.${name}`, 'give a function')
    if (isHandler(handle)) byName.set(name, { handle, ...limits })
  }
  faults.throwIfAny(`subscriber ${JSON.stringify(group)}`)

  const all = isHandler(on) ? { handle: on, ...limits } : undefined
  const route = all === undefined ? (_: unknown, name: string | undefined) => byName.get(name ?? '') : () => all
  return makeSubscriber('subscriber', group, { ...common, route })
}
