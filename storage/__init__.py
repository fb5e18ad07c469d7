"""What is remembered: tables, migrations, queries and exports."""
