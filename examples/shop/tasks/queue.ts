import { queue } from 'millrace/queue'
import * as z from 'zod'
import { Id } from '../identifiers.ts'

export const emailTask = { task: z.literal('send-email'), userId: Id, orderId: Id.optional() }
export const imageTask = { task: z.literal('process-image'), imageId: Id }
export const taskKinds = "expected 'send-email' or 'process-image'"

/** Work that somebody does later. */
export const Task = z.discriminatedUnion('task', [z.strictObject(emailTask), z.strictObject(imageTask)], taskKinds)
export type Task = z.infer<typeof Task>

export const tasks = queue('tasks', { schema: Task, discriminator: 'task' })
