import type { Attachment, Guarantee, Host } from './attachment.ts'
import { Consumer } from './consumer.ts'
import type { ConsumerSpecification } from './consumer-specification.ts'

const guarantees = {
  log: 'outputs and acknowledgement atomic; own effects at least once',
  database: 'rows, checkpoint and outputs exactly once',
}

/** Attaches a component that reads, as every pattern with handlers does. */
export function attachConsumer<Handle>(
  host: Host,
  specification: ConsumerSpecification,
  makeHandle: (consumer: Consumer) => Handle,
): Attachment<Handle> {
  const consumer = new Consumer(host, specification)
  const { component, sources, database } = specification
  const guarantee: Guarantee = {
    name: component.name,
    kind: component.kind,
    reads: sources.map(({ name }) => name),
    home: database === undefined ? 'log' : `database ${database.name}`,
    guarantee: database === undefined ? guarantees.log : guarantees.database,
  }
  return {
    handle: makeHandle(consumer),
    definitions: sources,
    databases: database === undefined ? [] : [database],
    guarantees: [guarantee],
    start: () => consumer.start(),
    stop: (deadlineMs) => consumer.stop(deadlineMs),
    unsettled: () => consumer.unsettled(),
    report: () => consumer.report(),
    lag: () => consumer.lag(),
    status: () => consumer.status(),
  }
}
