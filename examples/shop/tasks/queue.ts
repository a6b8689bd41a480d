import { queue } from 'millrace/queue'
import * as z from 'zod'
import { Id } from '../identifiers.ts'

/** Work that somebody does later. */
export const Task = z.discriminatedUnion(
  'task',
  [
    z.strictObject({ task: z.literal('send-email'), userId: Id, orderId: Id.optional() }),
    z.strictObject({ task: z.literal('process-image'), imageId: Id }),
  ],
  "expected 'send-email' or 'process-image'",
)
export type Task = z.infer<typeof Task>

export const tasks = queue('tasks', { schema: Task, discriminator: 'task' })
