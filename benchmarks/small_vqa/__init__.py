"""A small model that answers questions about rooms, trained here, to try the questions of HiBug §3.1 from end to end."""
