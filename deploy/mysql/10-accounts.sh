# Sourced by the MySQL image's entry point when the data directory is new, with its `docker_process_sql` at hand.
# It is not executable for that reason.
: "${MYSQL_MIGRATE_PASSWORD:?}" "${MYSQL_APP_PASSWORD:?}"
orders_quote() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\\\'}"
}
orders_accounts=$(cat "${ORDERS_ACCOUNTS_SQL:-/opt/orders/accounts.sql}")
docker_process_sql <<EOSQL
SET @migrate_password = $(orders_quote "$MYSQL_MIGRATE_PASSWORD"),
    @app_password = $(orders_quote "$MYSQL_APP_PASSWORD");
$orders_accounts
EOSQL
