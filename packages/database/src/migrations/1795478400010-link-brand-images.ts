import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * The pictures that a user shows for a brand, in order. A brand id is a label of the surrounding product, so each user has their own list under it.
 *
 * A linked asset can't be deleted. This is checked at the commit, when the lists of a deleted user have been deleted as well.
 */
export class LinkBrandImages1795478400010 implements MigrationInterface {
  readonly name = 'LinkBrandImages1795478400010'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table brand_image_lists (
        user_id uuid not null references users (id) on delete cascade,
        brand_id uuid not null,
        updated_at timestamptz(3) not null default now(),

        primary key (user_id, brand_id)
      )`)
    await runner.query(`
      create table brand_product_images (
        user_id uuid not null,
        brand_id uuid not null,
        position smallint not null,
        s3_key text not null references assets (s3_key) deferrable initially deferred,

        primary key (user_id, brand_id, position),
        constraint brand_product_images_of_list foreign key (user_id, brand_id) references brand_image_lists on delete cascade,
        constraint brand_product_images_position_counts check (position between 1 and 10)
      )`)
    await runner.query('create unique index brand_product_images_of_asset on brand_product_images (s3_key, user_id, brand_id)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table brand_product_images')
    await runner.query('drop table brand_image_lists')
  }
}
