import { describe, expect, it } from 'vitest'
import { readPurchase } from './purchases.ts'

describe('a line of purchases', () => {
  it('is an order of CDs under the number of the line', () => {
    expect(readPurchase({ number: 2, text: '00004,1997-01-01,2,29.33' })).toEqual({
      orderId: 'cdnow-2',
      userId: '00004',
      items: [{ productId: 'cd', quantity: 2, price: 14.665 }],
      totalAmount: 29.33,
      orderedAt: '1997-01-01',
    })
    expect(readPurchase({ number: 9, text: '1,1997-01-01,1,0' })).toMatchObject({ totalAmount: 0 })
  })

  it.each([
    ['', /expected customer_id,date,quantity,amount, found ''/],
    ['1,1997-01-01,1', /expected customer_id/],
    ['1,1997-01-01,1,2,3', /expected customer_id/],
    [',1997-01-01,1,2', /customer_id/],
    ['a b,1997-01-01,1,2', /customer_id/],
    ['1,1997-02-30,1,2', /date/],
    ['1,19970101,1,2', /date/],
    ['1,1997-01-01,0,2', /quantity/],
    ['1,1997-01-01,-1,2', /quantity/],
    ['1,1997-01-01,1.5,2', /quantity/],
    ['1,1997-01-01, 1,2', /quantity/],
    ['1,1997-01-01,1,-2', /amount/],
    ['1,1997-01-01,1,1e3', /amount/],
    ['1,1997-01-01,1,NaN', /amount/],
    ['1,1997-01-01,1,', /amount/],
    ['?,x,y,z', /customer_id.*date.*quantity.*amount/],
  ])('such as %j is malformed', (text, message) => {
    expect(() => readPurchase({ number: 2, text })).toThrow(message)
  })
})
