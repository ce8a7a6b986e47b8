-- The ledger's own database beside Prefect's, made when PostgreSQL starts for the first time.
CREATE DATABASE recyclekit OWNER prefect;
