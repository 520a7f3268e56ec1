"""Grafana's dashboards and alert rules as code, and the SQL that Grafana and the preview share."""
