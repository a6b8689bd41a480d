import { describe, expect, it } from 'vitest'
import { check } from '../http/validation.ts'
import { order } from '../shop.test-support.ts'
import { NewOrder } from './new-order.ts'

function faultsOf(value: unknown): readonly string[] {
  try {
    check(NewOrder, value)
    return []
  } catch (error) {
    return (error as { body: { errors: { path: string }[] } }).body.errors.map(({ path }) => path)
  }
}
const withItem = (item: object) => ({ ...order, items: [{ ...order.items[0], ...item }] })

describe('an order', () => {
  it.each([
    order,
    { ...order, orderId: 'a', totalAmount: 249.97 },
    { ...order, orderId: `${'a'.repeat(125)}._-` },
    { ...order, orderedAt: '1997-01-01' },
    { ...order, orderedAt: '1997-01-01T23:59:59.999Z' },
    { ...order, orderedAt: '2024-02-29T10:00:00+02:00' },
    withItem({ price: 0 }),
    withItem({ quantity: Number.MAX_SAFE_INTEGER, price: 0.01 / 100 }),
    { ...order, items: Array(1_000).fill(order.items[0]) },
  ])('such as %# is taken', (value) => {
    expect(faultsOf(value)).toEqual([])
  })

  it.each([
    [null, ['']],
    [[], ['']],
    ['order', ['']],
    [{}, ['userId', 'items']],
    [{ ...order, userId: '' }, ['userId']],
    [{ ...order, userId: 7 }, ['userId']],
    [{ ...order, userId: 'user 1' }, ['userId']],
    [{ ...order, userId: 'ü' }, ['userId']],
    [{ ...order, orderId: 'a'.repeat(129) }, ['orderId']],
    [{ ...order, orderId: null }, ['orderId']],
    [{ ...order, orderId: 'a/b' }, ['orderId']],
    [{ ...order, items: [] }, ['items']],
    [{ ...order, items: {} }, ['items']],
    [{ ...order, items: Array(1_001).fill(order.items[0]) }, ['items']],
    [{ ...order, items: [null] }, ['items.0']],
    [withItem({ quantity: 0 }), ['items.0.quantity']],
    [withItem({ quantity: -1 }), ['items.0.quantity']],
    [withItem({ quantity: 1.5 }), ['items.0.quantity']],
    [withItem({ quantity: '1' }), ['items.0.quantity']],
    [withItem({ quantity: 2 ** 53 }), ['items.0.quantity']],
    [withItem({ quantity: null }), ['items.0.quantity']],
    [withItem({ price: -0.01 }), ['items.0.price']],
    [withItem({ price: '1' }), ['items.0.price']],
    [withItem({ price: Number.POSITIVE_INFINITY }), ['items.0.price']],
    [withItem({ price: 1e21 }), ['items']],
    [withItem({ productId: 'a b' }), ['items.0.productId']],
    [withItem({ color: 'red' }), ['items.0.color']],
    [{ ...order, coupon: 1, note: 2 }, ['coupon', 'note']],
    [{ ...order, totalAmount: 249.98 }, ['totalAmount']],
    [{ ...order, totalAmount: 249.970001 }, ['totalAmount']],
    [{ ...order, totalAmount: -249.97 }, ['totalAmount']],
    [{ ...order, totalAmount: '249.97' }, ['totalAmount']],
    [{ ...order, orderedAt: '1997-02-30' }, ['orderedAt']],
    [{ ...order, orderedAt: '1997-01-01T00:00:00' }, ['orderedAt']],
    [{ ...order, orderedAt: 852076800000 }, ['orderedAt']],
    [{ ...order, orderedAt: 'yesterday' }, ['orderedAt']],
  ])('that is wrong in one way is refused there: %j', (value, paths) => {
    expect(faultsOf(value)).toEqual(paths)
  })

  it('is refused with all its faults at once, the total among them', () => {
    const wrong = { ...order, userId: '', orderedAt: 'x', totalAmount: 1, extra: true }
    expect(faultsOf(wrong).toSorted()).toEqual(['extra', 'orderedAt', 'totalAmount', 'userId'])
    const items = [{ productId: '', quantity: 0, price: -1 }, { quantity: 1.5 }]
    expect(faultsOf({ items }).toSorted()).toEqual([
      'items.0.price',
      'items.0.productId',
      'items.0.quantity',
      'items.1.price',
      'items.1.productId',
      'items.1.quantity',
      'userId',
    ])
  })
})
