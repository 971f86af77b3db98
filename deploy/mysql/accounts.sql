-- The database and its two accounts. Run once by an administrator who has set two variables before:
--   SET @migrate_password = '…', @app_password = '…';
-- (deploy/mysql/10-accounts.sh does it in the container; by hand see docs/production.md.)

CREATE DATABASE IF NOT EXISTS orders CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

SET @statement = CONCAT('CREATE USER IF NOT EXISTS orders_migrate@''%'' IDENTIFIED BY ', QUOTE(@migrate_password));
PREPARE create_account FROM @statement;
EXECUTE create_account;
SET @statement = CONCAT('CREATE USER IF NOT EXISTS orders_app@''%'' IDENTIFIED BY ', QUOTE(@app_password));
PREPARE create_account FROM @statement;
EXECUTE create_account;
DEALLOCATE PREPARE create_account;
SET @statement = NULL, @migrate_password = NULL, @app_password = NULL;

-- Makes and changes tables and triggers, and passes on what it may do with them. It runs during a deployment only.
-- The triggers act in its name: do not drop it.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER
  ON orders.* TO orders_migrate@'%' WITH GRANT OPTION;

-- Reads everything; without any right it could not even connect before the first migration. What it may write, each
-- migration grants table by table (db/core/grants.ts): INSERT alone on events and payment_ledger, nothing on migrations, and
-- on no table the right to change or drop it.
GRANT SELECT ON orders.* TO orders_app@'%';
