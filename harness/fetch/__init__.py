"""Published weights and data, fetched from where their authors put them."""
