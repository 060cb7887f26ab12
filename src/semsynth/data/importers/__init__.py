"""One importer per source: each lists the source's pairs, and `import_listing` makes the dataset folder of them."""
