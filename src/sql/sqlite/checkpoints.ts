import { invariant } from '../../core/errors.ts'
import { FencedError } from '../../log/errors.ts'
import type { Checkpoint, CheckpointKey } from '../../runtime/commit/commit-home.ts'
import { decodeFinished, encodeFinished, type Progress } from '../../runtime/commit/progress.ts'
import { CheckpointLogError } from '../../runtime/errors.ts'
import type { Connection, Row } from './connection.ts'

/** A checkpoint as it was when this owner took it over. */
class ClaimedCheckpoint implements Checkpoint {
  readonly key: CheckpointKey
  readonly progress: Progress | undefined
  readonly epoch: number
  constructor(key: CheckpointKey, claimed: { progress: Progress | undefined; epoch: number }) {
    this.key = key
    this.progress = claimed.progress
    this.epoch = claimed.epoch
  }
}

/** Raises the epoch, which fences every earlier owner; inside a transaction. Throws `CheckpointLogError`. */
export function claimCheckpoint(connection: Connection, key: CheckpointKey): Checkpoint {
  const { group, topic, partition, logId, topicId } = key
  const stored = connection.execute(
    `select log_id, topic_id, position, finished from millrace_checkpoint where group_name = ? and topic = ? and partition = ?`,
    [group, topic, partition],
  ).rows[0]
  if (stored !== undefined) refuseAnotherLog(key, stored)
  const { rows } = connection.execute(
    `insert into millrace_checkpoint (group_name, topic, partition, log_id, topic_id, epoch) values (?, ?, ?, ?, ?, 1)
      on conflict do update set epoch = epoch + 1 returning epoch`,
    [group, topic, partition, logId, topicId],
  )
  return new ClaimedCheckpoint(key, { epoch: Number(rows[0]?.epoch), progress: stored && progressOf(stored) })
}

/** Moves a claimed checkpoint; inside a transaction. Throws `FencedError` when somebody else has claimed it since. */
export function moveCheckpoint(connection: Connection, checkpoint: Checkpoint, progress: Progress): void {
  invariant(checkpoint instanceof ClaimedCheckpoint, 'a checkpoint was moved that this database did not give out')
  const { group, topic, partition } = checkpoint.key
  const { changes } = connection.execute(
    `update millrace_checkpoint set position = ?, finished = ? where group_name = ? and topic = ? and partition = ? and epoch = ?`,
    [progress.position, encodeFinished(progress), group, topic, partition, checkpoint.epoch],
  )
  if (changes === 0n) throw new FencedError(group, { topic, partition })
}

function progressOf({ position, finished }: Row): Progress | undefined {
  return position === null ? undefined : decodeFinished(Number(position), String(finished))
}

function refuseAnotherLog({ group, topic, partition, logId, topicId }: CheckpointKey, stored: Row): void {
  if (stored.log_id === logId && stored.topic_id === topicId) return
  throw new CheckpointLogError({
    group,
    topic,
    partition,
    stored: `log ${String(stored.log_id)}, topic id ${String(stored.topic_id)}`,
    found: `log ${logId}, topic id ${topicId}`,
  })
}
