import { setTimeout as delay } from 'node:timers/promises'
import { InvalidInputError } from 'millrace/cqrs'
import type { Shop } from '../app.ts'
import { type Line, MalformedLineError, readPurchase } from './purchases.ts'

/** Orders on their way at once: they share the waits for the disk. */
const mostInFlight = 128

export interface Replay {
  readonly shop: Shop
  readonly lines: AsyncGenerator<Line, undefined>
  /** Orders a second; undefined for as many as it can. */
  readonly rate: number | undefined
  /** A line is dealt with; `problem` says why there is no order for it. */
  readonly done: (line: Line, problem: string | undefined) => void
}

/** Makes an order of each line. Gives the ids of the orders that are there now. */
export async function placeOrders({ shop, lines, rate, done }: Replay): Promise<readonly string[]> {
  const orderIds: string[] = []
  const waiting = rate === undefined ? lines : pace(lines, rate)
  // Each takes the next line when it is done with one.
  const takeLines = async (): Promise<void> => {
    for await (const line of waiting) {
      const problem = await placeOrder(shop, line)
      if (problem === undefined) orderIds.push(`cdnow-${line.number}`)
      done(line, problem)
    }
  }
  await Promise.all(Array.from({ length: mostInFlight }, takeLines))
  return orderIds
}

/** Gives why there is no order for the line; undefined when there is one. */
async function placeOrder(shop: Shop, line: Line): Promise<string | undefined> {
  try {
    const creation = await shop.order.create(readPurchase(line))
    if (creation.outcome !== 'conflicting') return undefined
    return `order ${creation.order.orderId} is there with other content (${creation.differences.join(', ')})`
  } catch (error) {
    if (error instanceof MalformedLineError) return error.message
    if (error instanceof InvalidInputError) return error.faults.map(({ message }) => message).join('; ')
    throw error
  }
}

async function* pace(lines: AsyncGenerator<Line, undefined>, rate: number): AsyncGenerator<Line, undefined> {
  const startMs = performance.now()
  let count = 0
  for await (const line of lines) {
    const waitMs = startMs + (count++ / rate) * 1_000 - performance.now()
    if (waitMs > 0) await delay(waitMs)
    yield line
  }
}
