# Sourced by the MySQL image's entry point when the data directory is new, with its functions at hand.
# It is not executable for that reason.
docker_process_sql <<EOSQL
SET @migrate_password = '$(docker_sql_escape_string_literal "$MYSQL_MIGRATE_PASSWORD")',
    @app_password = '$(docker_sql_escape_string_literal "$MYSQL_APP_PASSWORD")';
$(cat /opt/orders/accounts.sql)
EOSQL
