import type { TopicPartition } from '../../log/log.ts'
import type { AnyDefinition } from '../../topics/types.ts'
import type { ConsumerSpecification, Route } from '../consumer-specification.ts'
import type { PartitionTask } from '../partition-task.ts'
import { Holding, type HoldingOwner } from './holding.ts'
import { redriveRoute, redriveTopic } from './redrive.ts'

/** What parking needs of its consumer. */
export interface HoldingNeeds extends Omit<HoldingOwner, 'group' | 'whenSpent' | 'partitions'> {
  readonly specification: ConsumerSpecification
  /** The task of one of the consumer's partitions. */
  readonly taskOf: (place: TopicPartition) => PartitionTask | undefined
}

/** What keeps a consumer's records that wait, and the topic and route by which dead ones come back. */
export async function prepareHolding({ specification, taskOf, ...owner }: HoldingNeeds): Promise<{
  readonly holding: Holding
  readonly redrives: AnyDefinition
  readonly redriveRoute: Route
}> {
  const { group, sources, whenSpent } = specification
  const partitions = Math.max(...sources.map(({ name }) => owner.host.knownTopic(name)!.partitions))
  const redrives = redriveTopic(group, partitions)
  await owner.host.ensureInternal({ name: redrives.name, partitions })
  const holding = new Holding({ ...owner, group, whenSpent, partitions })
  const redrive = holding.redrive.bind(holding)
  return { holding, redrives, redriveRoute: redriveRoute(group, { taskOf, redrive }) }
}
