import type { Narrow, TypeName } from '../core/schema.ts'
import type { DefinitionCore } from './definition.ts'

/** Publishing reads and never keeps: what the user holds as readonly may be published. */
export type DeepReadonly<T> = T extends
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | Date
  | Uint8Array
  | ((...args: never) => unknown)
  ? T
  : { readonly [K in keyof T]: DeepReadonly<T[K]> }

/** One type parameter for everything that a topic knows: signatures stay short, hovers stay readable. */
export interface TopicTypes {
  readonly name: string
  readonly input: unknown
  readonly output: unknown
  readonly discriminator: string
  readonly keyed: boolean
}

interface Definition<T extends TopicTypes> {
  readonly name: T['name']
  readonly discriminator: T['discriminator']
  readonly '~types'?: T | undefined
  /** Contravariant: a value may be written here when it is assignable to the input. Gives plain assignability errors. */
  readonly '~accepts'?: ((value: DeepReadonly<T['input']>) => void) | undefined
  readonly '~definition': DefinitionCore
}
/** A topic: every group that subscribes gets every record. A value; nothing happens until an app uses it. */
export interface Topic<T extends TopicTypes = TopicTypes> extends Definition<T> {
  readonly kind: 'topic'
}
/** A queue: a topic with one group of workers, each task done by one of them. */
export interface Queue<T extends TopicTypes = TopicTypes> extends Definition<T> {
  readonly kind: 'queue'
}
/** Any topic, for constraints: without `~accepts`, so that no `any` is needed. */
export interface AnyTopic {
  readonly kind: 'topic'
  readonly name: string
  readonly '~types'?: TopicTypes | undefined
  readonly '~definition': DefinitionCore
}
/** Any queue, for constraints. */
export interface AnyQueue {
  readonly kind: 'queue'
  readonly name: string
  readonly '~types'?: TopicTypes | undefined
  readonly '~definition': DefinitionCore
}
/** A topic or a queue. */
export type AnyDefinition = AnyTopic | AnyQueue

/** What a definition carries for the compiler. */
export type Types<D extends AnyDefinition> = NonNullable<D['~types']>
/** What a publisher gives: the JSON on the wire, before defaults and transforms. */
export type InputOf<D extends AnyDefinition> = D extends unknown ? DeepReadonly<Types<D>['input']> : never
/** What a handler gets: after validation. */
export type OutputOf<D extends AnyDefinition> = D extends unknown ? Types<D>['output'] : never
/** The names of its events or tasks. */
export type NameOf<D extends AnyDefinition> = D extends unknown
  ? TypeName<Types<D>['output'], Types<D>['discriminator']>
  : never
/** The event of one type. With several sources, a name that two of them use gives the union of both. */
export type EventOf<D extends AnyDefinition, N extends string> = D extends unknown
  ? Narrow<Types<D>['output'], Types<D>['discriminator'], N>
  : never
/** The topic itself where it has a key, else nothing. */
export type Keyed<T extends AnyTopic> = Types<T>['keyed'] extends true ? T : never

/** Anything into which a `Value` may be written. */
export interface Accepting<Value, Kind extends 'topic' | 'queue' = 'topic' | 'queue'> {
  readonly kind: Kind
  readonly '~accepts'?: ((value: Value) => void) | undefined
}
