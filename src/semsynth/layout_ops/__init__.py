"""What networks do with layouts: tables of distinct windows, convolutions of labels, SPADE layers, pyramids."""
