/**
 * Tests without a file, a broker or a sleep.
 *
 * @module
 */
export { type TestApp, testApp } from './test-app.ts'
