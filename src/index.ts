/**
 * Millrace: Kafka's application patterns as components over one log. This is the part that every pattern needs; each
 * pattern has an import path of its own.
 *
 * @module
 */
export type {
  DeadLetter,
  DeadLetterCount,
  DeadLetterFilter,
  DeadLetters,
  DiscardOptions,
  EditedDeadLetter,
  RedriveOptions,
  ToldDeadLetter,
} from './app/dead-letters.ts'
export type { CancelOptions, DelayedFilter, DelayedTask, DelayedTasks } from './app/delayed.ts'
export {
  AppStateError,
  ComponentFailedError,
  DefinitionClashError,
  DuplicateComponentError,
  ExternalTopicMissingError,
  NotAComponentError,
  NotInAppError,
  PublishInHandlerError,
  QueueTakenError,
  SettledTimeoutError,
  UndefinedTopicError,
  UnknownGroupError,
  UnsupportedLogUrlError,
} from './app/errors.ts'
export { millrace } from './app/millrace.ts'
export type { AppStatus, ComponentStatus, LogStatus } from './app/status.ts'
export type { App, AppOptions, Published } from './app/types.ts'
export type { Component, HandleOf } from './core/component.ts'
export type { Duration } from './core/duration.ts'
export { MillraceError } from './core/errors.ts'
export { type Fault, InvalidOptionsError } from './core/faults.ts'
export { InvalidIdError } from './core/ids.ts'
export type { Logger } from './core/logger.ts'
export type { RelayStatus } from './runtime/commit/outbox-relay.ts'
export type { Position } from './runtime/commit/position.ts'
export type {
  HandlerContext,
  Middleware,
  Outputs,
  PublishOptions,
  RecordInfo,
  RetryOptions,
  SendOptions,
} from './runtime/context.ts'
export {
  AttemptsSpentError,
  AttemptTimeoutError,
  HandlerEndedError,
  InvalidPublishOptionsError,
  RecordTooLargeError,
  StoppingError,
} from './runtime/errors.ts'
export { RejectError, RetryAfterError } from './runtime/failures.ts'
export {
  type DiagnosedRebalance,
  type DiagnosedRecord,
  type DiagnosticMessages,
  type DiagnosticName,
  onDiagnostic,
} from './runtime/status/diagnostics.ts'
export type {
  ComponentState,
  DelayedStatus,
  FailureStatus,
  GroupStatus,
  HeldKeyStatus,
  HeldStatus,
  PartitionLag,
} from './runtime/status/group-status.ts'
export { bytes, type Codec, json, text } from './topics/codec.ts'
export { InvalidEventError, UnreadableRecordError } from './topics/errors.ts'
export { type TopicOptions, topic } from './topics/topic.ts'
export type { Accepting, EventOf, InputOf, OutputOf, Queue, Topic } from './topics/types.ts'
