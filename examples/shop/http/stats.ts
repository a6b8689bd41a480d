import type { App, ComponentStatus } from 'millrace'
import type { Shop } from '../app.ts'
import { amountOf } from '../order/money.ts'

/** Sums over the tables of the services, and what each component does at the moment. */
export async function readStats({ app, order, inventory, payment, notification }: Shop) {
  const [{ cents, ...sums }, payments, reservations, notifications, seen] = await Promise.all([
    order.sum(),
    payment.count(),
    inventory.count(),
    notification.count(),
    describeApp(app),
  ])
  return { ...sums, amount: amountOf(cents), payments, reservations, notifications, ...seen }
}

async function describeApp(app: App) {
  const { health, log, components, deadLetters, outboxes } = await app.status()
  const readers = components.filter(({ group }) => group !== null)
  return {
    health,
    groups: readers.map(({ name, group }) => ({ group: name, lag: group!.lag })),
    components: components.map(describeComponent),
    deadLetters,
    outboxes,
    log,
  }
}

/** Short enough to be read at a glance: partitions are summed up, and what is not there is left out. */
function describeComponent({ name, kind, state, waitsFor, home, guarantee, group }: ComponentStatus) {
  const component = { component: `${kind} ${name}`, state, waitsFor, commitsIn: home, guarantee }
  if (group === null) return component
  const { lag, rates, lanes, held, delayed, lastFailure } = group
  return {
    ...component,
    lag,
    perSecond: rates,
    handlers: `${lanes.busy} of ${lanes.concurrency}`,
    held: { records: held.records, keys: held.first.map(({ key, reason, dueAt }) => ({ key, reason, dueAt })) },
    delayed,
    lastFailure,
  }
}
