-- The database and its two accounts. Run once as administrator, after setting two variables:
--   SET @migrate_password = '…', @app_password = '…';
-- (deploy/mysql/10-accounts.sh does so in the container; docs/production.md describes the manual way.)

CREATE DATABASE IF NOT EXISTS orders CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

SET @statement = CONCAT('CREATE USER IF NOT EXISTS orders_migrate@''%'' IDENTIFIED BY ', QUOTE(@migrate_password));
PREPARE create_account FROM @statement;
EXECUTE create_account;
SET @statement = CONCAT('CREATE USER IF NOT EXISTS orders_app@''%'' IDENTIFIED BY ', QUOTE(@app_password));
PREPARE create_account FROM @statement;
EXECUTE create_account;
DEALLOCATE PREPARE create_account;
SET @statement = NULL, @migrate_password = NULL, @app_password = NULL;

-- Creates and changes tables and triggers, and grants privileges on them. Used during deployments only.
-- It is the definer of the triggers: do not drop it.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER
  ON orders.* TO orders_migrate@'%' WITH GRANT OPTION;

-- Reads everything, so that it can connect before the first migration. The migration job grants write privileges table
-- by table (db/core/grants.ts): only INSERT on append-only tables, nothing on migrations, and never DDL.
GRANT SELECT ON orders.* TO orders_app@'%';
