/**
 * Work queues: each task is done by one worker.
 *
 * @module
 */
export { queue } from '../topics/topic.ts'
export { type TaskContext, type TaskOptions, type WorkerHandle, worker } from './worker.ts'
