-- TimescaleDB keeps core_figure in chunks; on plain PostgreSQL `ioc db maintain` deletes by age.
SELECT 1;
