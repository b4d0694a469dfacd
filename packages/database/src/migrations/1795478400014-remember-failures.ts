import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The time since which an upload fails, and when it is due again. They are in the row, because a Redis that loses its data would lose both:
 * an upload would be parked too early or never, and unavailable servers would be called without a pause.
 */
export class RememberFailures1795478400014 implements MigrationInterface {
  readonly name = 'RememberFailures1795478400014'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads add column failing_since timestamptz(3), add column next_attempt_at timestamptz(3)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table uploads drop column next_attempt_at, drop column failing_since')
  }
}
