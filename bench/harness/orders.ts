/** What all benchmarks put into topics: 240 bytes of JSON. */
export interface Order {
  readonly type: 'ORDER_CREATED'
  readonly orderId: string
  readonly userId: string
  readonly items: readonly { readonly productId: string; readonly quantity: number; readonly price: number }[]
  readonly totalAmount: number
  readonly orderedAt: string
}

/** Accepts anything: what remains is the work of the framework itself. */
export const uncheckedOrder: {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => { readonly value: Order }
    readonly types?: { readonly input: Order; readonly output: Order }
  }
} = {
  '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value: value as Order }) },
}

/** The order of a number below 10 million, of one of 1,000 users. */
export function makeOrder(number: number): Order {
  const orderId = `order-${String(number).padStart(7, '0')}`
  return {
    type: 'ORDER_CREATED',
    orderId,
    userId: `user-${String(number % 1_000).padStart(3, '0')}`,
    items: [
      { productId: 'prod-A', quantity: 2, price: 99.99 },
      { productId: 'prod-B', quantity: 1, price: 49.99 },
    ],
    totalAmount: 249.97,
    orderedAt: '2026-01-01T00:00:00.000Z',
  }
}

/** Orders from 0 on, made one after the other. */
export function* makeOrders(count: number): Generator<Order> {
  for (let number = 0; number < count; number++) yield makeOrder(number)
}
