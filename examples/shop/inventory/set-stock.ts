import { command } from 'millrace/cqrs'
import * as z from 'zod'
import { Id } from '../identifiers.ts'
import { findProduct, type Product } from './products.ts'
import { inventoryDatabase } from './tables.ts'

/** Sets what can still be reserved of a product; what is reserved stays. */
export const setStock = command('set-stock', {
  database: inventoryDatabase,
  input: z.strictObject({
    productId: Id,
    stock: z.int('expected a whole number from 0').nonnegative('expected a whole number from 0'),
  }),
  handle: async ({ productId, stock }, { tx }): Promise<Product> => {
    await tx
      .insertInto('products')
      .values({ product_id: productId, stock, reserved: 0 })
      .onConflict((conflict) => conflict.column('product_id').doUpdateSet({ stock }))
      .execute()
    return findProduct(tx, productId)
  },
})
