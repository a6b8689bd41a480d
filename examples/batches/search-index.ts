import { topic } from 'millrace'
import { batchSubscriber } from 'millrace/pubsub'
import * as z from 'zod'

const product = z.object({ productId: z.string(), title: z.string() })
export type Product = z.infer<typeof product>
export const products = topic('products', { schema: product, key: ({ productId }) => productId })

/** What the search engine says of each document of a request, in their order. */
export type Answers = readonly ('ok' | { readonly error: string })[]

// #region batch
export const searchIndex = (write: (documents: readonly Product[]) => Promise<Answers>) =>
  batchSubscriber('search-index', {
    from: products,
    batch: { size: 500, wait: '200ms' },
    on: async (items) => {
      const answers = await write(items.map(({ event }) => event))
      for (const [at, answer] of answers.entries()) {
        if (answer !== 'ok') items[at]?.fail(new Error(answer.error)) // this one alone is tried again
      }
    },
  })
// #endregion
