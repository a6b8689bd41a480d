import { open } from 'node:fs/promises'
import * as z from 'zod'
import { Id } from '../identifiers.ts'
import type { NewOrder } from '../order/new-order.ts'
import { UsageError } from '../terminal.ts'

const columns = ['customer_id', 'date', 'quantity', 'amount'] as const

/** A line after the header, with its number as an editor shows it: the header is line 1. */
export interface Line {
  readonly number: number
  readonly text: string
  /** Of the whole file, from 0 to 1: where the line is. */
  readonly progress: number
}

/** The lines of a file of purchases. Throws `UsageError` where it cannot be read, or does not begin with the names of the columns. */
export async function* readLines(path: string): AsyncGenerator<Line, undefined> {
  await using file = await open(path).catch((error) => {
    throw new UsageError(`${path} cannot be read (${error.code}): give the path of a file of purchases.`)
  })
  const stats = await file.stat()
  if (stats.isDirectory()) throw new UsageError(`${path} is a folder: give the path of a file of purchases.`)
  let number = 0
  let bytes = 0
  for await (const text of file.readLines()) {
    number++
    bytes += Buffer.byteLength(text) + 1
    if (number === 1) expectColumns(path, text)
    else yield { number, text, progress: Math.min(1, bytes / stats.size) }
  }
  if (number === 0) expectColumns(path, '')
}

function expectColumns(path: string, text: string): void {
  if (text.replace(/^\uFEFF/, '') === columns.join()) return
  throw new UsageError(`${path} is not a file of purchases: its first line has to be '${columns}'.`)
}

const Purchase = z.tuple([
  Id,
  z.iso.date('expected a date (1997-01-18)'),
  z.string().regex(/^0*[1-9]\d*$/, 'expected a whole number from 1'),
  z.string().regex(/^\d+(\.\d+)?$/, 'expected an amount (29.33)'),
])

/** The order that a line stands for. Throws `MalformedLineError` where it stands for none. */
export function readPurchase({ number, text }: Pick<Line, 'number' | 'text'>): NewOrder {
  const fields = text.split(',')
  if (fields.length !== columns.length)
    throw new MalformedLineError(`expected ${columns}, found '${text.slice(0, 60)}'`)
  const { data, error } = Purchase.safeParse(fields)
  if (error !== undefined) {
    const faults = error.issues.map(({ path, message }) => `${columns[Number(path[0])]}: ${message}`)
    throw new MalformedLineError(faults.join('; '))
  }
  const [userId, orderedAt, quantity, amount] = data
  return {
    orderId: `cdnow-${number}`,
    userId,
    items: [{ productId: 'cd', quantity: Number(quantity), price: Number(amount) / Number(quantity) }],
    // The file's own total: an order whose items do not make it again is refused.
    totalAmount: Number(amount),
    orderedAt,
  }
}

export class MalformedLineError extends Error {}
