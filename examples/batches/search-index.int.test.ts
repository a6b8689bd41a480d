import { testApp } from 'millrace/testing'
import { expect, it } from 'vitest'
import { products, searchIndex } from './search-index.ts'

it('writes products in batches, and those that are refused again', async () => {
  const index = new Map<string, string>()
  const requests: number[] = []
  const refusedOnce = new Set(['product-7'])
  await using app = testApp()
  app.add(
    searchIndex(async (documents) => {
      requests.push(documents.length)
      return documents.map(({ productId, title }) => {
        if (refusedOnce.delete(productId) || title === '') return { error: `${productId} is refused` }
        index.set(productId, title)
        return 'ok'
      })
    }),
  )
  await app.start()
  await app.publishAll(
    products,
    Array.from({ length: 1_000 }, (_, n) => ({ productId: `product-${n}`, title: n === 9 ? '' : `Product ${n}` })),
  )
  await app.advance('1m')
  await app.settled()
  expect(index.size).toBe(999)
  expect(requests.length).toBeLessThan(30)
  expect(await app.deadLetters.list()).toMatchObject([{ key: 'product-9', attempts: 5 }])
})
