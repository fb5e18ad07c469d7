"""What a cognitive restructuring left in a session: thought records and their printable worksheets."""
