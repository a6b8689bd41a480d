import type { ConsumerSpecification } from '../consumer-specification.ts'
import { commandTopic } from './command.ts'
import { CommandReader, type CommandReaderOptions } from './command-reader.ts'
import { Holding, type HoldingOwner } from './holding.ts'

/** What parking needs of its consumer. */
export interface ParkingNeeds
  extends Omit<HoldingOwner, 'group' | 'whenSpent' | 'partitions'>,
    Pick<CommandReaderOptions, 'log' | 'storage' | 'takes' | 'tasks' | 'commit' | 'answered' | 'lost'> {
  readonly specification: ConsumerSpecification
}

/** What keeps a consumer's records that wait, and what carries out the commands about them. */
export async function prepareParking({ specification, ...owner }: ParkingNeeds): Promise<{
  readonly holding: Holding
  readonly commands: CommandReader
}> {
  const { group, sources, whenSpent } = specification
  const { host } = owner
  const partitions = Math.max(...sources.map(({ name }) => host.knownTopic(name)!.partitions))
  const topic = commandTopic(group)
  await host.ensureInternal({ name: topic, partitions })
  const holding = new Holding({ ...owner, group, whenSpent, partitions })
  const { logger, clock } = host
  const prepare = holding.prepare.bind(holding)
  const commands = new CommandReader({ ...owner, group, topic, logger, nowMs: () => clock.nowMs(), prepare })
  return { holding, commands }
}
