import * as z from 'zod'

/** Every id of the shop: of orders, users, products, tasks and images. */
export const Id = z
  .string('expected text')
  .regex(/^[A-Za-z0-9._-]{1,128}$/, "expected 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'")
