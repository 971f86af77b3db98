# Not executable: the MySQL image's entry point sources it for a new data directory, and provides `docker_process_sql`.
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
