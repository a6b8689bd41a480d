import type { AnyDefinition } from '../../topics/types.ts'
import type { Host } from '../attachment.ts'
import type { Outputs } from '../context.ts'
import { HandlerEndedError } from '../errors.ts'
import { encodeOutgoing, encodeTombstone, type Outgoing } from './outgoing.ts'

/** Collects what a function declares through `outputs`, until `end`; a call after that throws `HandlerEndedError`. */
export class OutputCollector {
  readonly #host: Host
  readonly #messages: Outgoing[] = []
  readonly #definitions = new Set<AnyDefinition>()
  #ended = false
  /** Every member may be destructured. */
  readonly outputs: Outputs = {
    publish: (topic, event, options) => {
      this.#keep('publish', topic, () => encodeOutgoing(topic, event, this.#host, options))
    },
    send: (queue, task, options) => {
      this.#keep('send', queue, () => encodeOutgoing(queue, task, this.#host, options))
    },
    tombstone: (topic, key) => {
      this.#keep('tombstone', topic, () => encodeTombstone(topic, key, this.#host))
    },
  }

  constructor(host: Host) {
    this.#host = host
  }

  get messages(): readonly Outgoing[] {
    return this.#messages
  }

  /** Takes nothing more. Returns the topics and queues that it has something for. */
  end(): ReadonlySet<AnyDefinition> {
    this.#ended = true
    return this.#definitions
  }

  #keep(call: string, definition: AnyDefinition, encode: () => Outgoing): void {
    if (this.#ended) throw new HandlerEndedError(call)
    this.#messages.push(encode())
    this.#definitions.add(definition)
  }
}
