"""One importer per source: each lists the source's pairs, and `import_pairs` makes the dataset folder of them."""
