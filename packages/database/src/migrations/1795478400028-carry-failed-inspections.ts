import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Moves the count of failed inspections, which earlier workers wrote at the beginning of `last_fault`, to its own column.
 *
 * Such a worker may still run beside newer ones. Then it starts to count from one, and a newer worker continues from there: the file gets a few more
 * attempts, and no attempt is lost.
 */
export class CarryFailedInspections1795478400028 implements MigrationInterface {
  readonly name = 'CarryFailedInspections1795478400028'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      update uploads set
        failed_inspections = least(substring(last_fault from '${counted}')::integer, 3),
        last_fault = 'InspectionFailed: ' || substring(last_fault from '^inspection failed [0-9]+×: (.*)$')
      where last_fault ~ '${counted}'`)
  }

  /** The texts stay as they are: no worker needs the earlier form, and the counts are in their column. */
  async down(): Promise<void> {}
}

/** One to six digits: no count has more. */
const counted = '^inspection failed ([0-9]{1,6})×: '
